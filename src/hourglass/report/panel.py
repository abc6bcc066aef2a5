"""What a variant's page is made of."""

from dataclasses import dataclass, field
from typing import Any

from hourglass.report.rivals import Rivals


@dataclass(frozen=True)
class Panel:
    """A part of a page.

    Parameters
    ----------
    title : str
    caption : str
        What is seen, in plain words.
    picture : dict
        ``films``, ``strip`` or ``figure``; see `walks.draw`. Empty where numbers say it all.
    numbers : list of (str, str)
        Names and values that stand beside.
    table : list of dict
        Levels of noise and what was gained there.
    rivals : Rivals or None
        What the model is measured beside.
    """

    title: str
    caption: str
    picture: dict[str, Any]
    numbers: list[tuple[str, str]] = field(default_factory=list)
    table: list[dict[str, Any]] = field(default_factory=list)
    rivals: Rivals | None = None
