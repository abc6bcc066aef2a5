"""Who comes first, and whether alarms come as often as promised."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, metrics: dict[str, float], name: str) -> "Estimate | None":
        """Read a metric of the evaluation; None where it wasn't measured, as AUROC without labels."""
        if name not in metrics:
            return None
        return cls(metrics[name], metrics[f"{name}_low"], metrics[f"{name}_high"])


@dataclass(frozen=True)
class Entry:
    """A row of the leaderboard.

    Parameters
    ----------
    kind : str
        A refused variant and a baseline have no rank.
    name : str
    rank : int or None
    latent : int
        Width of the code; of PCA its number of components.
    about : str
        What it is, where the name alone doesn't say.
    notes : tuple of str
        Why a variant is refused.
    select : Estimate
        The metric that ranks, on selection.
    auroc, average_precision : Estimate or None
        On test; None without labels.
    relative_error : Estimate
        On test.
    change : float or None
        Of the metric that ranks, against the previous tracked run.
    """

    kind: Literal["ranked", "refused", "baseline"]
    name: str
    rank: int | None
    latent: int
    about: str
    notes: tuple[str, ...]
    select: Estimate
    auroc: Estimate | None
    average_precision: Estimate | None
    relative_error: Estimate
    change: float | None = None


@dataclass(frozen=True)
class Alarm:
    """The promised false-alarm rate of a variant, and what test says of it.

    Parameters
    ----------
    variant : str
    alpha : float
        Promised share of normal rows that raise an alarm.
    calibrated_on : str
        What the promise rests on: ``clean``, ``contaminated`` or ``unlabelled`` rows.
    nominal : bool
        Whether nobody knows these rows to be normal and like new ones.
    threshold : float
    seen : Estimate
        Share of the normal rows of test that raised an alarm.
    normal_rows : int
    detected : Estimate or None
        Share of the anomalies of test that raised an alarm.
    anomalies : int
    """

    variant: str
    alpha: float
    calibrated_on: str
    nominal: bool
    threshold: float
    seen: Estimate
    normal_rows: int
    detected: Estimate | None
    anomalies: int

    @property
    def holds(self) -> bool:
        """Whether what was seen is compatible with the promise."""
        return self.seen.low <= self.alpha
