"""Which rows are normal."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hourglass.data.sources import Raw
from hourglass.errors import HourglassError
from hourglass.params import DataParams
from hourglass.runtime.schema import as_text


@dataclass(frozen=True)
class Labels:
    """The class of every row.

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
    def of(cls, raw: Raw, params: DataParams) -> "Labels":
        """Read the labels that the settings name.

        Raises
        ------
        HourglassError
            The column is missing or has gaps, a listed value occurs nowhere, or no row is normal.
        """
        if params.label is None:
            return cls(np.full(len(raw.rows), -1), (), ())
        column = as_text(raw.column(params.label, "data.label"))
        gaps = np.flatnonzero(column.isna())
        if len(gaps):
            raise HourglassError(
                f"column {params.label!r}, row {gaps[0]}: the label is missing; fill it or remove the row."
            )
        names = tuple(sorted(set(column)))
        key, values = ("normal", params.normal) if params.normal is not None else ("anomalous", params.anomalous)
        listed = {str(value) for value in values or ()}
        for value in sorted(listed - set(names)):
            raise HourglassError(
                f"params.yaml: data.{key} names {value!r}; column {params.label!r} has no such value "
                f"(there: {', '.join(names[:20])})."
            )
        anomalous = tuple(name for name in names if (name in listed) == (key == "anomalous"))
        if len(anomalous) == len(names):
            raise HourglassError(
                f"no row is normal: every value of {params.label!r} counts as anomalous; see data.{key}."
            )
        return cls(np.searchsorted(names, column.to_numpy(str)).astype(np.int64), names, anomalous)

    @property
    def is_anomaly(self) -> NDArray[np.bool_]:
        """Tell for every row whether its class is anomalous."""
        return np.isin(self.codes, [self.names.index(name) for name in self.anomalous])
