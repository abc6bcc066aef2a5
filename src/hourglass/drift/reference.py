"""What a package knows of the rows that it was made with, to hold later ones against."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hourglass.drift.bins import Counts, Floats, edges_of
from hourglass.drift.watched import MOST, Watched, read, watched
from hourglass.drift.waves import Sums, Waves
from hourglass.errors import HourglassError
from hourglass.files import read_json, write_json
from hourglass.runtime import Model

#: The file of a package.
REFERENCE = "reference.json"
FORMAT_VERSION = 1
#: Calibration rows that are kept, at most; every second goes when there are more.
_MOST_ROWS = 20_000


@dataclass(frozen=True)
class Sketch:
    """How something was spread over the reference's rows.

    Parameters
    ----------
    watched : Watched
    edges : ndarray
        Of the bins that later rows are counted in, too.
    counts : Counts
    """

    watched: Watched
    edges: Floats
    counts: Counts

    @classmethod
    def of(cls, one: Watched, values: Floats) -> Self:
        """Sketch values of shape (rows,); each of a category has a bin."""
        edges = np.arange(len(one.values) - 1, dtype=np.float64) if one.values else edges_of(values)
        return cls(one, edges, Counts.of(values, edges))

    def config(self) -> dict[str, Any]:
        """Describe the sketch as JSON."""
        return (
            asdict(self.watched)
            | {"values": list(self.watched.values)}
            | {"edges": self.edges.tolist()}
            | self.counts.config()
        )

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Read what `config` gave."""
        one = Watched(config["name"], tuple(config["values"]), config["type"])
        return cls(one, np.array(config["edges"], np.float64), Counts.from_config(config))


@dataclass(frozen=True)
class Reference:
    """Sketches of normal calibration rows: of what is watched of them, and of their codes.

    Calibration rows trained nothing, so their codes are spread as those of new rows are, and they are the rows that the
    threshold promises something about. Their scores are in the package already.

    Parameters
    ----------
    columns : tuple of Sketch
    units : tuple of Sketch
        Of the code; none where there are more than 256.
    waves : Waves
    sums : Sums
        What the waves gave.
    dropped : tuple of int and int
        Rows of the snapshot that couldn't be judged, and all of its rows.
    """

    columns: tuple[Sketch, ...]
    units: tuple[Sketch, ...]
    waves: Waves
    sums: Sums
    dropped: tuple[int, int]

    @classmethod
    def of(cls, model: Model) -> Self | None:
        """Read the reference of a package; None where it was made without one."""
        path = model.folder / REFERENCE
        if not path.exists():
            return None
        content = read_json(path)
        if content["format_version"] != FORMAT_VERSION:
            raise HourglassError(
                f"{path} has format {content['format_version']}; this version reads format {FORMAT_VERSION}."
            )
        return cls(
            tuple(Sketch.from_config(one) for one in content["columns"]),
            tuple(Sketch.from_config(one) for one in content["units"]),
            Waves.from_config(content["waves"]),
            Sums.from_config(content["sums"]),
            tuple(content["dropped"]),
        )

    def write(self, folder: Path) -> None:
        """Write the reference into a package."""
        write_json(
            folder / REFERENCE,
            {
                "format_version": FORMAT_VERSION,
                "columns": [one.config() for one in self.columns],
                "units": [one.config() for one in self.units],
                "waves": self.waves.config(),
                "sums": self.sums.config(),
                "dropped": list(self.dropped),
            },
        )


class Gathering:
    """Takes the calibration rows of a model as they pass by, and makes its reference of them.

    Parameters
    ----------
    model : Model
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self._watched = watched(model.schema)
        self._values, self._codes = _Thinned(), _Thinned()

    def take(self, rows: Any, which: NDArray[np.bool_], first_row: int) -> None:
        """Take those of some rows that `which` marks."""
        self._values.take(np.column_stack(read(self._model.schema, rows))[which])
        self._codes.take(self._model.posterior(rows, first_row=first_row)["z"][which])

    def reference(self, dropped: tuple[int, int] | None = None) -> Reference:
        """Sketch what was taken; `dropped` is by default none of it."""
        codes = self._codes.rows()
        waves = Waves.through(codes)
        return Reference(
            tuple(map(Sketch.of, self._watched, self._values.rows().T)),
            tuple(map(Sketch.of, units(codes.shape[1]), codes.T.astype(np.float64))),
            waves,
            waves(codes),
            dropped or (0, len(codes)),
        )


def units(latent: int) -> Iterable[Watched]:
    """Name the units of a code that are watched one by one."""
    return [Watched(f"unit {number + 1}") for number in range(latent)] if latent <= MOST else []


class _Thinned:
    """Some of the rows of an array that passes by, evenly spread."""

    def __init__(self) -> None:
        self._kept: list[NDArray[Any]] = []
        self._step, self._seen = 1, 0

    def take(self, rows: NDArray[Any]) -> None:
        self._kept.append(rows[-self._seen % self._step :: self._step])
        self._seen += len(rows)
        while sum(map(len, self._kept)) > _MOST_ROWS:
            self._kept = [self.rows()[::2]]
            self._step *= 2

    def rows(self) -> NDArray[Any]:
        return np.concatenate(self._kept)
