"""What scored rows are like, in a few kilobytes that merge exactly."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from hourglass.drift.bins import Counts
from hourglass.drift.waves import Sums
from hourglass.errors import HourglassError
from hourglass.files import read_json, write_json

FORMAT_VERSION = 1


@dataclass(frozen=True)
class Profile:
    """Counts of scored rows, in the bins of a model's reference; made by `Watch.profile`.

    Profiles of the parts of a batch merge to that of the whole, to the last byte.

    Parameters
    ----------
    reference : str
        Hash of what the bins are those of.
    scores : Counts
        All rows, of which those that can't be judged are missing.
    alarms : int
        Rows above the threshold.
    seen : int
        Rows that columns and codes are counted of; of large batches not all.
    columns : tuple of Counts
        What is watched of each row that can be judged; missing and unknown values are those of all rows seen.
    units : tuple of Counts
        Of the code.
    sums : Sums
        Of the code's waves.
    """

    reference: str
    scores: Counts
    alarms: int
    seen: int
    columns: tuple[Counts, ...]
    units: tuple[Counts, ...]
    sums: Sums

    @property
    def rows(self) -> int:
        """All rows."""
        return self.scores.rows

    def merge(self, other: "Profile") -> "Profile":
        """Give the profile of both sets of rows.

        Raises
        ------
        HourglassError
            They were scored by different models.
        """
        if self.reference != other.reference:
            raise HourglassError("the profiles are of rows that different models scored; score all by one of them.")
        return Profile(
            self.reference,
            self.scores + other.scores,
            self.alarms + other.alarms,
            self.seen + other.seen,
            tuple(one + two for one, two in zip(self.columns, other.columns, strict=True)),
            tuple(one + two for one, two in zip(self.units, other.units, strict=True)),
            self.sums + other.sums,
        )

    def config(self) -> dict[str, Any]:
        """Describe the profile as JSON."""
        return {
            "format_version": FORMAT_VERSION,
            "reference": self.reference,
            "scores": self.scores.config(),
            "alarms": self.alarms,
            "seen": self.seen,
            "columns": [one.config() for one in self.columns],
            "units": [one.config() for one in self.units],
            "sums": self.sums.config(),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Read what `config` gave."""
        return cls(
            config["reference"],
            Counts.from_config(config["scores"]),
            config["alarms"],
            config["seen"],
            tuple(Counts.from_config(one) for one in config["columns"]),
            tuple(Counts.from_config(one) for one in config["units"]),
            Sums.from_config(config["sums"]),
        )

    def write(self, path: Path) -> None:
        """Write the profile as JSON; equal profiles are equal files."""
        write_json(path, self.config())

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what `write` wrote.

        Raises
        ------
        HourglassError
            The file is missing or holds no profile of this format.
        """
        content = read_json(path)
        if not isinstance(content, dict) or content.get("format_version") != FORMAT_VERSION:
            raise HourglassError(f"{path} is no profile of format {FORMAT_VERSION}; score the rows again.")
        return cls.from_config(content)
