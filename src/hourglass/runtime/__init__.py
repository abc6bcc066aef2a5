"""What a registered model is: rows in, scores, codes and reconstructions out.

This package is shipped inside every registered model. It needs numpy, pandas and onnxruntime alone, imports itself by
relative names, and runs no code that it loads.
"""

from typing import TYPE_CHECKING, Any

from .errors import InputError

if TYPE_CHECKING:
    from .model import Model

__all__ = ["InputError", "Model"]


def __getattr__(name: str) -> Any:
    """Import the model where it is asked for: who decodes images alone needs no pandas and no onnxruntime."""
    if name == "Model":
        from .model import Model

        return Model
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
