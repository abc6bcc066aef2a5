"""What the runtime refuses of raw rows, told as a mistake of the data."""

from collections.abc import Iterator
from contextlib import contextmanager

from hourglass.errors import HourglassError
from hourglass.runtime.errors import InputError


@contextmanager
def refused(where: str = "") -> Iterator[None]:
    """Turn an `InputError` into a `HourglassError`, whose sentence begins with the place of the mistake."""
    try:
        yield
    except InputError as problem:
        raise HourglassError(f"{where}: {problem}" if where else str(problem)) from problem
