"""What a package's folder holds, and how rows get into its graphs and out of them."""

import json
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import manifest
from .asking import told_of
from .conditioning import Conditioning
from .errors import InputError
from .graphs import Graphs
from .normaliser import Normaliser
from .schema import judged, schema_from_config, unmasked
from .series import Series, Windows
from .signal import SignalSchema

FORMAT_VERSION = 1


class Opened:
    """The part of a `Model` that opens the package, and knows how rows get into the net and out of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        manifest.check(self.folder)
        self.config: dict[str, Any] = json.loads((self.folder / "config.json").read_text(encoding="utf-8"))
        if self.config["format_version"] != FORMAT_VERSION:
            raise InputError(
                f"{self.folder} has format {self.config['format_version']}; this version reads format {FORMAT_VERSION}."
            )
        self.schema = schema_from_config(self.config["schema"])
        self.normaliser = Normaliser.from_config(self.config["normaliser"])
        known = self.config.get("condition")
        self.conditioning = Conditioning.from_config(known) if known else None
        self._series = Series.of(self.schema, self.conditioning)
        self._graphs = Graphs(self.folder, self.config.get("blocks", ()))
        self.latent: int = self.config["latent"]
        self.members: int = self.config.get("ensemble", 1)
        self.threshold: float = self.config["threshold"]

    @property
    def readings(self) -> SignalSchema | None:
        """What a table of readings has to hold and how it is cut; None where rows are no windows of series."""
        return self._series.readings if self._series else None

    @cached_property
    def calibration(self) -> NDArray[np.float64]:
        """The calibration scores that the threshold and the p-values come from, in ascending order."""
        scores: NDArray[np.float64] = np.load(self.folder / "calibration.npy", allow_pickle=False)
        return scores

    def _cut(self, rows: Any) -> Windows | None:
        """Cut a table of readings into windows; None where rows are rows already."""
        return None if self._series is None else self._series.cut(rows)

    def _inputs(self, rows: Any) -> tuple[list[NDArray[np.float32]], NDArray[np.bool_]]:
        """Give what the graphs take: rows and, of a conditional model, what it is told of them."""
        cut = self._cut(rows)
        if cut is not None:
            rows = cut.part()
        x, valid = self._encode_rows(rows)
        if self.conditioning is None:
            return [x], valid
        told, known = told_of(rows, len(x), self.conditioning, self.schema)
        return [x, told], valid & known

    def _encode_rows(self, rows: Any) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        rows = unmasked(rows)
        bare = self.schema.bare(rows) if self.normaliser.is_affine else None
        if bare is not None:
            return judged(self.normaliser(bare))  # what isn't finite is still not
        raw, valid = self.schema.encode(rows)
        x, fits = judged(self.normaliser(raw))
        return x, valid & fits

    def _decode_codes(
        self,
        codes: NDArray[np.float32],
        valid: NDArray[np.bool_],
        told: list[NDArray[np.float32]],
        first_row: int = 0,
    ) -> Any:
        x_hat = self._graphs["decode"].run(np.where(valid[:, None], codes, 0), *told, first_row=first_row)["x_hat"]
        return self._decode_rows(x_hat, valid)

    def _decode_rows(self, x: NDArray[np.float32], valid: NDArray[np.bool_]) -> Any:
        x[~valid] = np.nan
        return self.schema.decode(self.normaliser.inverse(x))
