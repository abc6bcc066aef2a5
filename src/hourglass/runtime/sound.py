"""Waveforms in a model of recordings: rebuilt piece by piece, and put together again."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .audio import AudioSchema, Filter
from .schema import Schema, names_of

#: Pieces that are in memory at once.
AT_ONCE = 4096

#: Gives pieces rebuilt.
Rebuild = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True)
class Sound:
    """A waveform, and how it is cut.

    Parameters
    ----------
    schema : AudioSchema
    waveform : ndarray of shape (samples,)
    """

    schema: AudioSchema
    waveform: NDArray[Any]

    @classmethod
    def of(cls, schema: Schema, rows: Any) -> "Sound | None":
        """Give the waveform that rows are; None where they are rows."""
        if not isinstance(schema, AudioSchema) or names_of(rows) or np.ndim(rows) != 1 or not len(rows):
            return None
        waveform = np.asarray(rows)
        return cls(schema, waveform) if waveform.dtype.kind in "buif" else None

    def rebuilt(self, rebuild: Rebuild) -> NDArray[np.float64]:
        """Give the waveform as a model rebuilds it."""
        return self.schema.rebuilt(self._pieces(rebuild), self.waveform)

    def cleaned(self, rebuild: Rebuild, by: Filter = "wiener") -> NDArray[np.float64]:
        """Give the waveform without what a model takes for noise; see `AudioSchema.cleaned`."""
        return self.schema.cleaned(self._pieces(rebuild), self.waveform, by)

    def _pieces(self, rebuild: Rebuild) -> Iterator[NDArray[np.float64]]:
        pieces = self.schema.pieces(self.waveform.astype(np.float64))
        return (rebuild(pieces[at : at + AT_ONCE]) for at in range(0, len(pieces), AT_ONCE))
