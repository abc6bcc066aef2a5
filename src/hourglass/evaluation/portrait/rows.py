"""Rows as a model's consumer has them, beside what its nets see."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hourglass.runtime import Model


@dataclass(frozen=True)
class Rows:
    """Rows of a data set.

    Parameters
    ----------
    raw : DataFrame or ndarray
        As people have them.
    label, index : ndarray of int64, shape (rows,)
        Class codes, -1 where unlabelled; row numbers in the snapshot.
    """

    raw: Any
    label: NDArray[np.int64]
    index: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.label)

    def take(self, places: Any) -> "Rows":
        """Take the rows at some places."""
        raw = self.raw.iloc[places] if isinstance(self.raw, pd.DataFrame) else self.raw[places]
        return Rows(raw, self.label[places], self.index[places])


def in_net_units(model: Model, rows: Any) -> NDArray[np.float32]:
    """Turn rows as people have them into what the nets see: shape (rows, *shape)."""
    return model.normaliser(model.schema.encode(rows)[0])


def decode(model: Model, z: NDArray[Any], like: Rows) -> NDArray[np.float32]:
    """Decode codes as the package serves it, in the nets' units.

    Parameters
    ----------
    model : Model
    z : ndarray of shape (codes, latent)
    like : Rows
        One row, whose columns a conditional model is told; of its label the model isn't told.
    """
    known = model.conditioning
    told = known is not None and not known.of_label
    return in_net_units(model, model.decode(z, condition=like.raw if told else None))
