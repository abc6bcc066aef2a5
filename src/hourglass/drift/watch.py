"""Counting what a model scores, as it scores it."""

from collections.abc import Iterator
from functools import reduce
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hourglass.drift.bins import Counts, Floats
from hourglass.drift.profile import Profile
from hourglass.drift.reference import REFERENCE, Reference, Sketch
from hourglass.drift.watched import Watched, read
from hourglass.errors import HourglassError
from hourglass.files import digest, sha256_of
from hourglass.runtime import Model
from hourglass.runtime.series import Series, Windows
from hourglass.runtime.sound import Sound

#: Rows are looked at in stretches: the first so many, then each eighth. Scores are counted of all.
_STRETCH, _FIRST, _EACH = 1024, 16, 8
_NONE = np.zeros(0)
#: What a score beyond all numbers counts as, for it is a value.
_HIGHEST = np.finfo(np.float64).max


class Watch:
    """Makes profiles of the rows that a model scores.

    Parameters
    ----------
    model : Model
    reference : Reference
        The model's.
    """

    def __init__(self, model: Model, reference: Reference) -> None:
        self.model, self.reference = model, reference
        self.scores = Sketch.of(Watched("anomaly_score"), model.calibration)
        self.above = int((model.calibration > model.threshold).sum())
        self.key = digest([sha256_of(model.folder / name) for name in (REFERENCE, "calibration.npy")])

    @classmethod
    def of(cls, model: Model) -> Self | None:
        """Watch a model; None where its package was made without a reference."""
        reference = Reference.of(model)
        return None if reference is None else cls(model, reference)

    def profile(self, rows: Any, judged: pd.DataFrame, *, first_row: int = 0) -> Profile:
        """Count rows that the model has scored.

        Scores and alarms are counted of all rows, what else there is of the first 16,384 and then of each eighth
        stretch of 1,024, by absolute number: profiles of parts merge to that of the whole, however it was cut.

        Parameters
        ----------
        rows : DataFrame, array, list or dict
            As they were given to `Model.score`.
        judged : DataFrame
            What it gave.
        first_row : int
            Absolute number of the first row, as of `Model.score`.
        """
        rows = _cut(self.model, rows)
        valid = judged["valid"].to_numpy(bool)
        looked_at = (
            self._of_rows(_part(rows, stretch), valid[stretch], first_row + stretch.start)
            for stretch in stretches(first_row, len(valid))
        )
        scores = np.where(valid, judged["anomaly_score"].to_numpy(np.float64).clip(max=_HIGHEST), np.nan)
        return reduce(Profile.merge, looked_at, self._of_scores(scores))

    def _of_scores(self, scores: Floats) -> Profile:
        return Profile(
            self.key,
            Counts.of(scores, self.scores.edges),
            int((scores > self.model.threshold).sum()),
            0,
            tuple(Counts.of(_NONE, one.edges) for one in self.reference.columns),
            tuple(Counts.of(_NONE, one.edges) for one in self.reference.units),
            self.reference.waves(np.zeros((0, self.model.latent))),
        )

    def _of_rows(self, rows: Any, valid: NDArray[np.bool_], first_row: int) -> Profile:
        """Count all but the scores."""
        columns = zip(read(self.model.schema, rows), self.reference.columns, strict=True)
        codes = self.model.posterior(rows, first_row=first_row)["z"][valid]
        units = zip(codes.T.astype(np.float64), self.reference.units, strict=False)  # none of very wide codes
        return Profile(
            self.key,
            Counts.of(_NONE, self.scores.edges),
            0,
            len(valid),
            tuple(_counted(values, sketch.edges, valid) for values, sketch in columns),
            tuple(Counts.of(values, sketch.edges) for values, sketch in units),
            self.reference.waves(codes),
        )


def require(model: Model) -> Watch:
    """Watch a model.

    Raises
    ------
    HourglassError
        Its package was made without a reference.
    """
    watch = Watch.of(model)
    if watch is None:
        raise HourglassError(
            f"{model.folder} holds no {REFERENCE}, so there is nothing to hold rows against; package the model again "
            "with this version: `hourglass run`."
        )
    return watch


def stretches(first_row: int, rows: int) -> Iterator[slice]:
    """Give the stretches of rows that are looked at, the first row having that absolute number."""
    stop = first_row + rows
    for number in range(first_row // _STRETCH, -(-stop // _STRETCH)):
        if number < _FIRST or number % _EACH == 0:
            start = max(number * _STRETCH, first_row)
            yield slice(start - first_row, min((number + 1) * _STRETCH, stop) - first_row)


def _counted(values: Floats, edges: Floats, valid: NDArray[np.bool_]) -> Counts:
    """Count the values of rows that can be judged, and what is missing or unknown in all."""
    known, flaws = Counts.of(values[valid], edges), Counts.of(values, edges)
    return Counts(known.bins, flaws.missing, flaws.unknown)


def _cut(model: Model, rows: Any) -> Any:
    """Cut a table of readings or a waveform; what is rows already stays."""
    sound, series = Sound.of(model.schema, rows), Series.of(model.schema, model.conditioning)
    if sound is not None:
        return sound.schema.pieces(sound.waveform)
    windows = None if series is None else series.cut(rows)
    return rows if windows is None else windows


def _part(rows: Any, which: slice) -> Any:
    if isinstance(rows, Windows):  # these overlap, and all of them at once would take many times the readings' memory
        return rows.part(which.start, which.stop)
    if isinstance(rows, dict):
        return {name: values[which] for name, values in rows.items()}
    return rows.iloc[which] if isinstance(rows, pd.DataFrame) else rows[which]
