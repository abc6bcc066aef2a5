"""Which rows are normal."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hourglass.data.params import DataParams
from hourglass.data.sources import Raw
from hourglass.errors import HourglassError
from hourglass.runtime.schema import as_text


@dataclass(frozen=True)
class Labels:
    """The class of every row of a block.

    Parameters
    ----------
    codes : ndarray of int64, shape (rows,)
        Position in `names`; -1 where there is no label.
    names : tuple of str
        The classes, sorted.
    anomalous : tuple of str
        Those that are anomalies.
    """

    codes: NDArray[np.int64]
    names: tuple[str, ...]
    anomalous: tuple[str, ...]

    @classmethod
    def of(cls, raw: Raw, params: DataParams, first_row: int = 0) -> "Labels":
        """Read the labels that the settings name, of a block whose first row has the number `first_row`.

        Raises
        ------
        HourglassError
            The column is missing or has gaps.
        """
        if params.label is None:
            return cls(np.full(len(raw.rows), -1), (), ())
        column = as_text(raw.column(params.label, "data.label"))
        gaps = np.flatnonzero(column.isna())
        if len(gaps):
            raise HourglassError(
                f"column {params.label!r}, row {first_row + gaps[0]}: the label is missing; fill it or remove the row."
            )
        codes, values = pd.factorize(column, sort=True)
        names = tuple(str(value) for value in values)
        return cls(codes.astype(np.int64), names, _anomalous(names, params))

    @property
    def is_anomaly(self) -> NDArray[np.bool_]:
        """Tell for every row whether its class is anomalous."""
        return np.isin(self.codes, [self.names.index(name) for name in self.anomalous])


def require_classes(names: Collection[str], params: DataParams) -> tuple[str, ...]:
    """Give the anomalous ones of all classes that there are.

    Raises
    ------
    HourglassError
        A listed value occurs nowhere, or no class is normal.
    """
    if params.label is None:
        return ()
    key, listed = _listed(params)
    for value in sorted(listed - set(names)):
        raise HourglassError(
            f"params.yaml: data.{key} names {value!r}; column {params.label!r} has no such value "
            f"(there: {', '.join(sorted(names)[:20])})."
        )
    anomalous = _anomalous(sorted(names), params)
    if len(anomalous) == len(names):
        raise HourglassError(f"no row is normal: every value of {params.label!r} counts as anomalous; see data.{key}.")
    return anomalous


def _anomalous(names: Iterable[str], params: DataParams) -> tuple[str, ...]:
    key, listed = _listed(params)
    return tuple(name for name in names if (name in listed) == (key == "anomalous"))


def _listed(params: DataParams) -> tuple[str, set[str]]:
    """Tell which values are listed, and as what."""
    key, values = ("normal", params.normal) if params.normal is not None else ("anomalous", params.anomalous)
    return key, {str(value) for value in values or ()}
