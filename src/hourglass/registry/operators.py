"""torch's table of ONNX operators, built once for all graphs of a process."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import Any


@contextmanager
def built_once() -> Iterator[None]:
    """Have torch's exporter keep its table of operators, which it else builds anew for every graph, always the same.

    That is a quarter of the time of a small graph. The exporter takes no table from its callers, so the method that
    builds it is replaced by one that remembers, for as long as this lasts. Where a version of torch has no such method,
    nothing is replaced.
    """
    registry = _registry()
    if registry is None:
        yield
        return
    own = vars(registry)["from_torchlib"]
    registry.from_torchlib = staticmethod(partial(_table, own.__get__(None, registry)))
    try:
        yield
    finally:
        registry.from_torchlib = own


def _registry() -> Any:
    """Give the exporter's class of tables; None where it is another than known."""
    try:
        from torch.onnx._internal.exporter import _registration
    except ImportError:
        return None
    registry = getattr(_registration, "ONNXRegistry", None)
    return registry if isinstance(vars(registry or object).get("from_torchlib"), classmethod) else None


@cache
def _table(build: Callable[..., Any], *version: Any, **named: Any) -> Any:
    return build(*version, **named)
