"""Hourglass: autoencoders trained, evaluated, registered and kept fresh.

``hourglass.load(uri)`` opens a registered model without running any code from it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hourglass.registry.consume import load

__all__ = ["load"]


def __getattr__(name: str) -> Any:
    if name == "load":
        from hourglass.registry.consume import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
