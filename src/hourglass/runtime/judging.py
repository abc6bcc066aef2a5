"""How anomalous rows, windows and readings are, and what their scores come from."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import chain
from math import prod
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from . import attribution
from .alarms import adjusted, require_share
from .audio import AudioSchema
from .conformal import PValues
from .errors import InputError
from .opened import Opened
from .parts import parts
from .schema import all_true
from .series import Windows
from .signal import SignalSchema
from .table import TableSchema


class Judging(Opened):
    """The part of a `Model` that judges rows; one that can't be judged comes back as missing (NaN)."""

    def score(self, rows: Any, *, first_row: int = 0) -> pd.DataFrame:
        """Judge rows.

        Parameters
        ----------
        rows : DataFrame, array, list or dict
        first_row : int
            Absolute number of the first row, where `rows` is a part of something larger; parts then give the same
            bytes as the whole.

        Returns
        -------
        DataFrame
            ``anomaly_score`` (larger is more anomalous), ``p_value`` (conformal), ``is_anomaly`` (missing where
            invalid) and ``valid``; of an ensemble ``score_spread``, the standard deviation of its members' scores. Of
            a table of readings a row for each window, with its ``series`` (where the table names it), ``start`` and
            ``end`` before.
        """
        cut = self._cut(rows)
        names = ("score", "score_spread") if self.members > 1 else ("score",)
        scores, *spread = self._judged(rows if cut is None else cut, first_row, names)
        invalid = np.isnan(scores)  # numbers near the largest of float32 overflow in the net
        p = self._p_values(scores)
        p[invalid] = np.nan
        anomalous = pd.arrays.BooleanArray(scores > self.threshold, invalid)
        found = {"anomaly_score": scores, "p_value": p, "is_anomaly": anomalous, "valid": ~invalid}
        found |= dict(zip(names[1:], spread, strict=True))
        if cut is not None:
            return pd.concat([cut.where, pd.DataFrame(found, copy=False)], axis=1)
        return pd.DataFrame(found, rows.index if isinstance(rows, pd.DataFrame) else None, copy=False)

    def screen(self, rows: Any, share: float = 0.1) -> pd.DataFrame:
        """Judge rows as one batch, of whose alarms at most a share is false on average, however many rows are normal.

        A p-value is at least 1 / (n + 1) for n calibration rows: of few of these, no row of a large batch can be told.

        Parameters
        ----------
        rows : DataFrame, array, list or dict
        share : float
            Of false alarms among all alarms (the false-discovery rate), between 0 and 1.

        Returns
        -------
        DataFrame
            As of `score`, with ``adjusted_p_value`` (Benjamini & Hochberg) behind ``p_value``; ``is_anomaly`` tells
            where that is at most `share`.

        Raises
        ------
        InputError
            `share` doesn't lie between 0 and 1.
        """
        require_share(share)
        judged = self.score(rows)
        p = adjusted(judged["p_value"].to_numpy())
        judged.insert(list(judged).index("p_value") + 1, "adjusted_p_value", p)
        judged["is_anomaly"] = pd.arrays.BooleanArray(p <= share, np.isnan(p))
        return judged

    def anomaly_score(self, rows: Any, *, first_row: int = 0) -> NDArray[np.float64]:
        """Give the column ``anomaly_score`` of `score` alone, of the same bytes: NaN where a row can't be judged.

        This is the quick way to judge few rows: an array of one row takes some microseconds.

        Parameters
        ----------
        rows, first_row
            As of `score`.

        Returns
        -------
        ndarray of shape (rows,), or (windows,) of a table of readings
        """
        cut = self._cut(rows)
        return self._scores(rows if cut is None else cut, first_row)

    def points(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Judge each reading of series by the windows that cover it.

        Parameters
        ----------
        rows : DataFrame
            Readings, one a row.

        Returns
        -------
        DataFrame
            For each row ``anomaly_score``, the mean of its windows' scores; ``is_anomaly``, whether that lies above the
            threshold; ``valid``, False where no window covers it.
        """
        cut = self._cut_or_refuse(rows)
        return cut.points(self._scores(cut, 0), self.threshold)

    def intervals(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Tell between which times series are anomalous: where the score of `points` lies above the threshold.

        Returns
        -------
        DataFrame
            ``series`` (where the table names it), ``start``, ``end`` and ``anomaly_score``, the highest between them.
        """
        cut = self._cut_or_refuse(rows)
        return cut.intervals(self._scores(cut, 0), self.threshold)

    def residuals(self, rows: Any, *, first_row: int = 0) -> NDArray[np.float32]:
        """Reconstruction minus input in the net's units: shape (rows, *shape); `first_row` is that of `score`."""
        inputs, valid = self._inputs(rows)
        x_hat = self._graphs["reconstruct"].run(*inputs, first_row=first_row)["x_hat"]
        residuals: NDArray[np.float32] = x_hat - inputs[0]
        residuals[~valid] = np.nan
        return residuals

    def attribute(self, rows: Any, *, first_row: int = 0) -> Any:
        """Divide each row's score among its columns, pixels or entries; the parts sum to it.

        Those of the mean squared error are the squared residuals'; other scores say how they divide. Of a table they
        are a DataFrame with a column for each of the model's columns, of a table of readings that table with each
        channel's part in its place, the mean over the windows around it; else an array in the rows' own shape.
        `first_row` is that of `score`.
        """
        cut = self._cut(rows)
        if cut is not None:
            return cut.restored(lambda windows, at: self.attribute(windows, first_row=first_row + at))
        return attribution.laid_out(self._score_parts(rows, first_row), self.schema)

    def explain(self, rows: Any, most: int = 3, *, first_row: int = 0) -> pd.DataFrame:
        """Name what each row's score comes from, the largest part first.

        Parameters
        ----------
        rows : DataFrame, array, list or dict
        most : int
            Reasons of a row, at most.
        first_row : int
            As of `score`.

        Returns
        -------
        DataFrame
            ``reason_1`` and ``share_1``, its part of the score from 0 to 1, ``reason_2`` and so on. A reason is a
            column of a table; a channel of readings; else a place, such as ``y 3, x 5`` of an image.
        """
        parts = self.attribute(rows, first_row=first_row)
        if isinstance(self.schema, SignalSchema) and isinstance(parts, pd.DataFrame):
            parts = parts[list(self.schema.columns)]
        found = attribution.reasons(parts, self.schema, most)
        return found.set_axis(rows.index) if isinstance(rows, pd.DataFrame) else found

    def _scores(self, rows: Any, first_row: int) -> NDArray[np.float64]:
        return self._judged(rows, first_row, ("score",))[0]

    def _judged(self, rows: Any, first_row: int, names: Sequence[str]) -> list[NDArray[np.float64]]:
        """Score rows, or the windows of a cut, in parts; give outputs of the graph by name."""
        found = [self._judged_part(part, at, names) for part, at in self._parts(rows, first_row)]
        return found[0] if len(found) == 1 else [np.concatenate(parts) for parts in zip(*found, strict=True)]

    def _parts(self, rows: Any, first_row: int) -> Iterable[tuple[Any, int]]:
        """Cut rows, where each is one whatever comes with it; windows, which overlap and are many, some at a time."""
        if isinstance(rows, Windows):
            return chain.from_iterable(self._parts(*part) for part in rows.parts(first_row))
        if isinstance(self.schema, AudioSchema):
            return [(rows, first_row)]
        if isinstance(self.schema, TableSchema) and (self.conditioning is None or self.conditioning.of_label):
            bare = self.schema.bare(rows)
            rows = rows if bare is None else bare
        return parts(rows, self._numbers, first_row)

    def _judged_part(self, rows: Any, first_row: int, names: Sequence[str]) -> list[NDArray[np.float64]]:
        inputs, valid = self._inputs(rows)
        found = self._graphs["reconstruct"].run(*inputs, first_row=first_row, outputs=names)
        judged = [found[name].astype(np.float64) for name in names]
        if not all_true(valid):
            for values in judged:
                values[~valid] = np.nan
        return judged

    def _score_parts(self, rows: Any, first_row: int) -> NDArray[np.float64]:
        """Divide scores among the numbers of rows in the net: shape (rows, *shape)."""
        if self.config.get("score", "mse") == "mse":
            return self._squares(rows, first_row) / prod(self.schema.shape)
        inputs, valid = self._inputs(rows)
        divided = self._graphs["parts"].run(*inputs, first_row=first_row)["parts"].astype(np.float64)
        divided[~valid] = np.nan
        return divided

    def _squares(self, rows: Any, first_row: int) -> NDArray[np.float64]:
        """Squared residuals in the net's units, of an ensemble their mean over its members: shape (rows, *shape)."""
        if self.members == 1:
            return self.residuals(rows, first_row=first_row).astype(np.float64) ** 2
        inputs, valid = self._inputs(rows)
        squares = self._graphs["squares"].run(*inputs, first_row=first_row)["squares"].astype(np.float64)
        squares[~valid] = np.nan
        return squares

    def _cut_or_refuse(self, rows: Any) -> Windows:
        cut = self._cut(rows)
        if cut is None:
            raise InputError("times are judged of series alone; give a model of series a table of readings.")
        return cut

    @cached_property
    def _p_values(self) -> PValues:
        return PValues(self.calibration)

    @cached_property
    def _numbers(self) -> int:
        """Numbers of a row in the net."""
        return prod(self.schema.shape)
