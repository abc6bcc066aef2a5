"""Code of a package is imported without leaving bytecode beside it: the folder stays what was registered."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_bytecode() -> Iterator[None]:
    """Import without writing ``__pycache__``."""
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before
