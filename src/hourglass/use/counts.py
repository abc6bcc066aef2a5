"""What judging came to, in numbers."""

from dataclasses import dataclass
from math import ceil
from typing import Self

import pandas as pd

from hourglass.runtime import Model


@dataclass(frozen=True)
class Counts:
    """How many rows were judged, how many raised an alarm, and how many couldn't be judged."""

    rows: int = 0
    alarms: int = 0
    missing: int = 0

    @classmethod
    def of(cls, judged: pd.DataFrame) -> Self:
        """Count what `Model.score` gave, or `Model.points`."""
        return cls(len(judged), int(judged["is_anomaly"].sum()), int((~judged["valid"]).sum()))

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.rows + other.rows, self.alarms + other.alarms, self.missing + other.missing)

    def sentence(self, model: Model, share: float | None = None) -> str:
        """Say them, and what is promised: by the model of each row, or of all alarms, of which a share may be false."""
        part = f" ({self.alarms / (self.rows - self.missing):.2%})" if self.rows > self.missing else ""
        promised = f"of rows like those of the calibration at most {model.config['alpha']:.3g} raise one on average"
        if share is not None:
            promised = f"of these at most {share:.3g} are false on average{self._missed(model, share)}"
        flaw = f"; {self.missing:,} can't be judged" if self.missing else ""
        return f"{self.rows:,} rows, {self.alarms:,} alarms{part}; {promised}{flaw}"

    def _missed(self, model: Model, share: float) -> str:
        """Say how many rows have to stand out before one is an alarm, if none is: p-values are at least 1/(n + 1)."""
        seen = len(model.calibration)
        least = ceil(round((self.rows - self.missing) / (seen + 1) / share, 9))
        if self.alarms or least < 2:
            return ""
        return f" (to be alarms, {least:,} or more have to score above all {seen:,} rows of the calibration)"
