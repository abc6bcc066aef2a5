"""What changes in a row when its code goes the way of a number: of a column, or of what is known beside a row."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hourglass.data.dataset import Dataset
from hourglass.evaluation.parts import sample
from hourglass.evaluation.portrait.rows import Rows, decode, in_net_units
from hourglass.evaluation.probes import Lines, slopes
from hourglass.runtime import Model
from hourglass.runtime.table import TableSchema

#: Training rows that directions are fitted to, and numbers that are looked at, at most.
_FITTED, _TRIED = 5000, 256
#: Numbers shown at most, and steps of a walk: from so many standard deviations below the mean to so many above.
_SHOWN, _STEPS, _FAR = 8, 7, 2.0
#: Standard deviation, in the nets' units, of a number that hardly differs; rows that are enough to tell, at least.
_CONSTANT, _FEWEST = 1e-6, 20


@dataclass(frozen=True)
class _Numbered:
    """Rows of which all numbers are known, by their places, with their codes.

    Parameters
    ----------
    names : list of str
    values : ndarray of shape (rows, numbers)
        In the nets' units.
    z : ndarray of shape (rows, latent)
    places : ndarray of int64, shape (rows,)
    """

    names: list[str]
    values: NDArray[np.float64]
    z: NDArray[Any]
    places: NDArray[np.int64]

    @classmethod
    def of(cls, model: Model, dataset: Dataset, raw: Any, z: NDArray[Any]) -> Self:
        """Take rows as people have them."""
        found = dict(islice(_numbers(model, dataset, raw), _TRIED))
        values = np.column_stack([np.empty((len(z), 0)), *found.values()]).astype(np.float64)
        places = np.flatnonzero(np.isfinite(np.hstack([values, z])).all(axis=1))
        return cls(list(found), values[places], z[places], places)

    @property
    def differing(self) -> NDArray[np.bool_]:
        """Tell which numbers differ from row to row; none of too few rows."""
        if len(self.values) < _FEWEST:
            return np.zeros(len(self.names), bool)
        return np.asarray(self.values.std(axis=0) > _CONSTANT)

    def take(self, numbers: NDArray[np.int64]) -> Self:
        return type(self)([self.names[one] for one in numbers], self.values[:, numbers], self.z, self.places)


def attribute_directions(
    model: Model, dataset: Dataset, rows: Rows, z: NDArray[Any]
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Go from the mean code along the direction of each number, and tell how much of it a line through codes tells.

    Numbers are the columns of a table that are numbers or times, and such columns that are known beside rows
    (``data.condition``). A conditional model is told the same of all steps.

    Parameters
    ----------
    model : Model
    dataset : Dataset
        Its training rows make the directions.
    rows : Rows
        Held-out normal rows, which judge them.
    z : ndarray of shape (rows, latent)

    Returns
    -------
    dict
        ``names`` of the numbers that codes of training rows tell best, of ``of`` numbers that differ; ``r2`` of each on
        held-out rows. Empty where there are none, or too few rows.
    dict of str to ndarray
        ``attribute_x`` of shape (numbers, steps, *shape).
    """
    seen = dataset.as_given(dataset.take("train", sample(dataset, "train", _FITTED)))
    fitted, judged = (_Numbered.of(model, dataset, *given) for given in ((seen, model.encode(seen)), (rows.raw, z)))
    differing = np.flatnonzero(fitted.differing & judged.differing)
    if not len(differing):
        return {}, {}
    lines = Lines.of(fitted.z, fitted.values)
    best = np.argsort(-lines.r2(fitted.z, fitted.values)[differing], kind="stable")
    shown = differing[best[:_SHOWN]]
    r2 = lines.r2(judged.z, judged.values)[shown]
    fitted, judged = fitted.take(shown), judged.take(shown)
    along = np.linspace(-_FAR, _FAR, _STEPS)[:, None]
    codes = fitted.z.mean(axis=0) + slopes(fitted.z, fitted.values)[:, None] * along
    x = decode(model, codes.reshape(-1, model.latent).astype(np.float32), rows.take(judged.places[:1]))
    facts = {"names": fitted.names, "of": len(differing), "r2": r2.tolist()}
    return facts, {"attribute_x": x.reshape(len(shown), _STEPS, *model.schema.shape)}


def _numbers(model: Model, dataset: Dataset, raw: Any) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Give the numbers of rows, and of what is known beside them, by name: of shape (rows,), NaN where unknown."""
    if isinstance(model.schema, TableSchema):
        own = in_net_units(model, raw)
        yield from ((column.name, own[:, place]) for place, column in model.schema.numbers.items())
    beside = dataset.conditioning
    if beside is not None and not beside.of_label and isinstance(beside.schema, TableSchema):
        told, known = beside.encode(raw)
        told[~known] = np.nan
        yield from ((column.name, told[:, place]) for place, column in beside.schema.numbers.items())
