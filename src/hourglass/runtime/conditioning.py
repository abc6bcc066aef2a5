"""What is known of rows beside them, as a conditional model is told it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .normaliser import Normaliser
from .schema import TableSchema, schema_from_config


@dataclass(frozen=True)
class Conditioning:
    """Columns that a model is told: the label, or columns that come with every row.

    Parameters
    ----------
    schema : TableSchema
    normaliser : Normaliser
    of_label : bool
        Rows to judge never bring their label; a model is told it only by who asks for something.
    """

    schema: TableSchema
    normaliser: Normaliser
    of_label: bool

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Conditioning":
        """Read what `config` gave."""
        schema = schema_from_config(config["schema"])
        assert isinstance(schema, TableSchema)  # noqa: S101
        return cls(schema, Normaliser.from_config(config["normaliser"]), config["of_label"])

    def config(self) -> dict[str, Any]:
        """Describe the columns and their units as JSON."""
        return {"schema": self.schema.config(), "normaliser": self.normaliser.config(), "of_label": self.of_label}

    @property
    def known(self) -> int:
        """Numbers that a model is told of each row: those of the columns, and 1."""
        return self.schema.shape[0] + 1

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of what is known."""
        return tuple(column.name for column in self.schema.columns)

    @property
    def words(self) -> str:
        """What may be told, for people."""
        return "; ".join(
            f"{column.name}: {', '.join(column.values) if column.values else 'a number'}"
            for column in self.schema.columns
        )

    def encode(self, rows: Any) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Turn columns into numbers of shape (rows, known), and tell which rows have a value in all that is known.

        The last number is 1; of other rows all are 0.

        Raises
        ------
        InputError
            A column is missing.
        """
        values, valid = self.schema.encode(rows)
        scaled = self.normaliser(values)
        valid = np.asarray(valid & np.isfinite(scaled).all(axis=1))
        told = np.concatenate([scaled, np.ones((len(scaled), 1), np.float32)], axis=1)
        told[~valid] = 0
        return told, valid

    def decode(self, told: NDArray[np.float32]) -> pd.DataFrame:
        """Turn what `encode` gave into columns, missing where nothing is known."""
        frame = self.schema.decode(self.normaliser.inverse(told[:, :-1])).astype(object)
        frame[told[:, -1] == 0] = None
        return frame

    def unknown(self, rows: int) -> NDArray[np.float32]:
        """Tell nothing of so many rows."""
        return np.zeros((rows, self.known), np.float32)
