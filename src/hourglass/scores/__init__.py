"""The anomaly scores: one file each, named as in ``params.yaml``.

`names` lists them without importing torch; `get` imports the one that is asked for.
"""

import importlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from hourglass.settings import AUTO

if TYPE_CHECKING:
    from hourglass.scores.shared.score import Score

#: What ``auto`` stands for, chosen by the protocol of decision 38.
DEFAULT = "memory"


@cache
def names() -> tuple[str, ...]:
    """Names of all scores, sorted: the files of this folder."""
    return tuple(sorted(path.stem for path in Path(__file__).parent.glob("[!_]*.py")))


def resolve(name: str) -> str:
    """Give the score that a name stands for.

    Raises
    ------
    ValueError
        There is no such score.
    """
    if name == AUTO:
        return DEFAULT
    if name not in names():
        raise ValueError(f"score is {name!r}; expected {AUTO}, {', '.join(names())}.")
    return name


def get(name: str) -> "type[Score]":
    """Import a score's class: the one class that its file defines as a score.

    Raises
    ------
    ValueError
        There is no such score.
    """
    module = importlib.import_module(f"{__name__}.{resolve(name)}")
    from hourglass.scores.shared.score import Score

    defined = [
        item
        for item in vars(module).values()
        if isinstance(item, type) and issubclass(item, Score) and item.__module__ == module.__name__
    ]
    if len(defined) != 1:
        raise TypeError(f"{module.__file__} must define one subclass of Score, not {len(defined)}")
    return defined[0]
