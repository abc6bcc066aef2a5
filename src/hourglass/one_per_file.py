"""Things of which each file of a folder defines one, and is named after it: variants, scores."""

import importlib
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def names(package: str) -> tuple[str, ...]:
    """Name all of them, sorted, without importing any: the public files of the package's folder."""
    path = importlib.import_module(package).__file__
    assert path is not None  # noqa: S101
    return tuple(sorted(path.stem for path in Path(path).parent.glob("[!_]*.py")))


def load(package: str, name: str, base: type[T]) -> type[T]:
    """Import the one class of a kind that a file defines.

    Raises
    ------
    TypeError
        The file defines none, or several.
    """
    module = importlib.import_module(f"{package}.{name}")
    defined = [
        item
        for item in vars(module).values()
        if isinstance(item, type) and issubclass(item, base) and item.__module__ == module.__name__
    ]
    if len(defined) != 1:
        raise TypeError(f"{module.__file__} must define one subclass of {base.__name__}, not {len(defined)}")
    return defined[0]
