"""Where a registered name stands: its champion, its newest version, and what the gate said."""

from dataclasses import dataclass, field
from datetime import datetime

from hourglass.data.params import SplitParams

#: The aliases of a registered name: what is served, and what was before it.
CHAMPION, PREVIOUS = "champion", "previous_champion"


@dataclass(frozen=True)
class Version:
    """A registered version.

    Parameters
    ----------
    name : str
    number : int
    variant : str
    metric : str
        What it was ranked by, on selection.
    value : float
    created : datetime
        In UTC.
    settings : str
        Hash of everything that was set for its training; equal for the same variant with the same settings.
    commit : str
        Of the code that made it; empty where there is no git.
    passed : bool
        Whether the gate has ever let it pass.
    split : SplitParams
        How the rows were divided when it was trained.
    """

    name: str
    number: int
    variant: str
    metric: str
    value: float
    created: datetime
    settings: str = ""
    commit: str = ""
    passed: bool = False
    split: SplitParams = field(default_factory=SplitParams)

    @property
    def title(self) -> str:
        """How sentences call it."""
        return f"version {self.number} ({self.variant})"

    @property
    def uri(self) -> str:
        """What a consumer loads."""
        return f"models:/{self.name}/{self.number}"


@dataclass(frozen=True)
class Listed:
    """An entry of a registered name's list.

    Parameters
    ----------
    number : int
    created : datetime
        In UTC.
    version : Version or None
        None where it was registered by others.
    aliases : tuple of str
    verdict : str
        What the gate said of it, a sentence; empty before it spoke.
    """

    number: int
    created: datetime
    version: Version | None
    aliases: tuple[str, ...]
    verdict: str


@dataclass(frozen=True)
class Verdict:
    """What the gate says of a version.

    Parameters
    ----------
    version : Version
    promote : bool
        Whether the alias is to move to it.
    sentence : str
        Why.
    """

    version: Version
    promote: bool
    sentence: str


@dataclass(frozen=True)
class Standing:
    """The state of a registered name.

    Parameters
    ----------
    name : str
    champion : Version or None
        What ``models:/NAME@champion`` gives.
    newest : Version or None
        The last one registered.
    verdict : str
        What the gate said of the newest, a sentence; empty before it spoke.
    previous : dict of str to dict
        By variant, the metrics of the tracked run before the current one (``test.auroc`` to number).
    """

    name: str
    champion: Version | None = None
    newest: Version | None = None
    verdict: str = ""
    previous: dict[str, dict[str, float]] = field(default_factory=dict)
