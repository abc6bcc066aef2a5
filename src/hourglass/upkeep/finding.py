"""What a check of ``hourglass doctor`` found."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from hourglass.errors import HourglassError

State = Literal["ok", "warn", "bad"]


@dataclass(frozen=True)
class Finding:
    """The outcome of a check.

    Parameters
    ----------
    name : str
        What was looked at, in a few words.
    state : "ok", "warn" or "bad"
        ``bad`` keeps something from working, ``warn`` may.
    sentence : str
        What was found.
    fix : str
        What to do about it; empty where nothing is wrong.
    mend : callable or None
        Does what is safe to do, and says what it did.
    """

    name: str
    state: State
    sentence: str
    fix: str = ""
    mend: Callable[[], str] | None = None

    def facts(self) -> dict[str, Any]:
        """Describe it for programs."""
        return {"name": self.name, "state": self.state, "sentence": self.sentence, "fix": self.fix}


def ok(name: str, sentence: str) -> Finding:
    """Say that nothing is wrong."""
    return Finding(name, "ok", sentence)


def told(problem: Exception) -> str:
    """Put into words what kept a check from its work: a broken project breaks libraries, too."""
    return str(problem) if isinstance(problem, HourglassError) else f"{type(problem).__name__}: {problem}"
