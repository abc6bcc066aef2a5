"""A guard against pickles: while it is on, this thread refuses to load any class or function from one."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

from hourglass.errors import HourglassError

_refusing: ContextVar[bool] = ContextVar("refusing", default=False)


@contextmanager
def refused() -> Iterator[None]:
    """Refuse to unpickle: our formats (npy, safetensors, JSON, ONNX) never need it, so whoever does it is hostile.

    Raises
    ------
    HourglassError
        Something inside tried.
    """
    _install()
    token = _refusing.set(True)
    try:
        yield
    finally:
        _refusing.reset(token)


@cache
def _install() -> None:
    sys.addaudithook(_audit)


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if event == "pickle.find_class" and _refusing.get():
        raise HourglassError(f"a file tried to load {arguments[0]}.{arguments[1]} by pickle; it was not read.")
