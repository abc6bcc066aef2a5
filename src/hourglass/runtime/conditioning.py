"""What is known of rows beside them, as a conditional model is told it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .array import ArraySchema
from .derived import derive
from .normaliser import Normaliser
from .schema import ROWS, Schema, schema_from_config
from .signal import SignalSchema
from .table import TableSchema


@dataclass(frozen=True)
class Conditioning:
    """What a model is told: the label, columns that come with every row, or an array such as another image.

    Parameters
    ----------
    schema : TableSchema, ArraySchema or SignalSchema
    normaliser : Normaliser
    of_label : bool
        Rows to judge never bring their label; a model is told it only by who asks for something.
    """

    schema: Schema
    normaliser: Normaliser
    of_label: bool

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Conditioning":
        """Read what `config` gave."""
        schema = schema_from_config(config["schema"])
        return cls(schema, Normaliser.from_config(config["normaliser"]), config["of_label"])

    def config(self) -> dict[str, Any]:
        """Describe what is known, and its units, as JSON."""
        return {"schema": self.schema.config(), "normaliser": self.normaliser.config(), "of_label": self.of_label}

    @property
    def known(self) -> int:
        """Numbers that a model is told of each row: all that are known, and 1."""
        return int(np.prod(self.schema.shape)) + 1

    @property
    def known_shape(self) -> tuple[int, ...]:
        """Shape in the net of the array that is known; () where columns are."""
        return self.schema.shape if isinstance(self.schema, ArraySchema | SignalSchema) else ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of what is known: columns, or the array."""
        if isinstance(self.schema, TableSchema):
            return tuple(column.name for column in self.schema.columns)
        return (self.schema.config().get("name", ROWS),)

    @property
    def readings(self) -> SignalSchema | None:
        """What channels are told, of a model that makes others of them; None where anything else is told."""
        return self.schema if isinstance(self.schema, SignalSchema) else None

    @property
    def derived(self) -> str | None:
        """How the array that is known is made of the rows; None where it isn't."""
        return self.schema.derived if isinstance(self.schema, ArraySchema) else None

    def derive(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Make what is known of images; see `derived.derive`."""
        assert self.derived is not None  # noqa: S101
        return derive(rows, self.derived)

    @property
    def words(self) -> str:
        """What may be told, for people."""
        if isinstance(self.schema, TableSchema):
            return "; ".join(
                f"{column.name}: {', '.join(column.values) if column.values else 'a number'}"
                for column in self.schema.columns
            )
        assert isinstance(self.schema, ArraySchema | SignalSchema)  # noqa: S101
        shape = ", ".join(str(size) for size in self.schema.raw_shape)
        return f"{self.names[0]}: an array of shape ({shape})"

    def encode(self, rows: Any) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Turn what is known into numbers of shape (rows, known), and tell of which rows all is known.

        The last number is 1; of other rows all are 0.

        Raises
        ------
        InputError
            A column is missing, or an array has another shape.
        """
        return self.tell(*self.schema.encode(rows))

    def tell(self, values: NDArray[Any], valid: NDArray[np.bool_]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Do what `encode` does with what its schema made of the rows."""
        scaled = self.normaliser(values).reshape(len(values), self.known - 1)
        valid = np.asarray(valid & np.isfinite(scaled).all(axis=1))
        told = np.concatenate([scaled, np.ones((len(scaled), 1), np.float32)], axis=1)
        told[~valid] = 0
        return told, valid

    def decode(self, told: NDArray[np.float32]) -> Any:
        """Turn what `encode` gave into columns or an array, missing where nothing is known."""
        values = self.normaliser.inverse(told[:, :-1].reshape(len(told), *self.schema.shape))
        nothing = told[:, -1] == 0
        decoded = self.schema.decode(values)
        if isinstance(decoded, pd.DataFrame):
            decoded = decoded.astype(object)
            decoded[nothing] = None
        else:
            decoded[nothing] = np.nan
        return decoded

    def beside(self, rows: Any, told: NDArray[np.float32]) -> Any:
        """Put what `encode` gave beside the rows that it is known of, as a model judges them.

        Columns are added to a table; beside arrays all become fields of one array. A label is left out.
        """
        if self.of_label:
            return rows
        known = self.decode(told)
        if isinstance(rows, pd.DataFrame):
            return pd.concat([rows, known], axis=1)
        is_frame = isinstance(known, pd.DataFrame)
        fields = {ROWS: rows} | {name: known[name].to_numpy() if is_frame else known for name in self.names}
        joined = np.empty(len(rows), [(name, array.dtype, array.shape[1:]) for name, array in fields.items()])
        for name, array in fields.items():
            joined[name] = array
        return joined

    def unknown(self, rows: int) -> NDArray[np.float32]:
        """Tell nothing of so many rows."""
        return np.zeros((rows, self.known), np.float32)

    def usual(self, rows: int) -> NDArray[np.float32]:
        """Tell of so many rows what lies in the middle: the mean of numbers, the first value of a category."""
        told = self.unknown(rows)
        told[:, -1] = 1
        return told
