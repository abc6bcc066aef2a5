"""The anomaly scores: one file each, named as in ``params.yaml``.

`names` lists them without importing torch; `get` imports the one that is asked for.
"""

from functools import cache
from typing import TYPE_CHECKING

from hourglass import one_per_file
from hourglass.settings import AUTO

if TYPE_CHECKING:
    from hourglass.scores.shared.score import Score

#: What ``auto`` stands for, chosen by the protocols of decisions 38 and 47.
DEFAULT = "memory"


@cache
def names() -> tuple[str, ...]:
    """Names of all scores, sorted: the files of this folder."""
    return one_per_file.names(__name__)


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
    from hourglass.scores.shared.score import Score

    return one_per_file.load(__name__, resolve(name), Score)
