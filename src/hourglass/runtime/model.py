"""A model opened from its folder."""

import hashlib
import json
from collections.abc import Callable
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .conformal import p_values
from .errors import InputError
from .graphs import Graph
from .normaliser import Normaliser
from .schema import schema_from_config

FORMAT_VERSION = 1
MANIFEST = "manifest.json"


class Model:
    """A packaged autoencoder.

    Every method takes rows as the model's consumer has them (a DataFrame, arrays, lists, dicts) and answers in the
    data's own units. A row that can't be judged comes back as missing (NaN), never as normal.

    Parameters
    ----------
    folder : Path
        Holds ``manifest.json``, ``config.json``, the ONNX graphs and their arrays.

    Raises
    ------
    InputError
        A file is missing or differs from its hash, or the format is unknown.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        _check_hashes(self.folder)
        self.config: dict[str, Any] = json.loads((self.folder / "config.json").read_text(encoding="utf-8"))
        if self.config["format_version"] != FORMAT_VERSION:
            raise InputError(
                f"{self.folder} has format {self.config['format_version']}; this version reads format {FORMAT_VERSION}."
            )
        self.schema = schema_from_config(self.config["schema"])
        self.normaliser = Normaliser.from_config(self.config["normaliser"])
        self.latent: int = self.config["latent"]
        self.threshold: float = self.config["threshold"]

    @cached_property
    def calibration(self) -> NDArray[np.float64]:
        """The calibration scores that the threshold and the p-values come from, in ascending order."""
        return self._array("calibration")

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
            invalid) and ``valid``.
        """
        x, valid = self._encode_rows(rows)
        scores = self._reconstruct_graph.run(x, first_row=first_row)["score"].astype(np.float64)
        scores[~valid] = np.nan
        valid = ~np.isnan(scores)  # numbers near the largest of float32 overflow in the net
        p = np.full(len(x), np.nan)
        p[valid] = p_values(scores[valid], self.calibration)
        anomalous = pd.array(scores > self.threshold, dtype="boolean")
        anomalous[~valid] = pd.NA
        frame = pd.DataFrame({"anomaly_score": scores, "p_value": p, "is_anomaly": anomalous, "valid": valid})
        return frame.set_index(rows.index) if isinstance(rows, pd.DataFrame) else frame

    def encode(self, rows: Any) -> NDArray[np.float32]:
        """Embed rows: shape (rows, latent)."""
        return self.posterior(rows)["z"]

    def posterior(self, rows: Any) -> dict[str, NDArray[np.float32]]:
        """Everything the encoder says of rows: ``"z"`` and, of a variational model, ``"logvar"``."""
        x, valid = self._encode_rows(rows)
        found = self._encode_graph.run(x)
        for values in found.values():
            values[~valid] = np.nan
        return found

    def reconstruct(self, rows: Any) -> Any:
        """Encode and decode rows."""
        x, valid = self._encode_rows(rows)
        return self._decode_rows(self._reconstruct_graph.run(x)["x_hat"], valid)

    def residuals(self, rows: Any) -> NDArray[np.float32]:
        """Reconstruction minus input in the net's units: shape (rows, *shape)."""
        x, valid = self._encode_rows(rows)
        residuals = self._reconstruct_graph.run(x)["x_hat"] - x
        residuals[~valid] = np.nan
        return residuals

    def attribute(self, rows: Any) -> Any:
        """Divide each row's score among its columns, pixels or entries: the squared residual's share of each."""
        squares = self.residuals(rows).astype(np.float64) ** 2
        return self._in_raw_shape(squares / prod(self.schema.shape))

    def decode(self, z: Any) -> Any:
        """Decode codes of shape (rows, latent)."""
        codes = np.asarray(z, np.float32)
        if codes.ndim != 2 or codes.shape[1] != self.latent:
            raise InputError(f"codes have shape {codes.shape}; expected (rows, {self.latent}).")
        valid = np.asarray(np.isfinite(codes).all(axis=1))
        return self._decode_rows(self._decode_graph.run(np.where(valid[:, None], codes, 0))["x_hat"], valid)

    def sample(self, n: int = 16, *, seed: int = 0) -> Any:
        """Draw n new rows: codes from the prior (numpy's Philox), decoded."""
        if n < 1:
            raise InputError(f"n is {n}; expected at least 1.")
        noise = np.random.Generator(np.random.Philox(seed)).standard_normal((n, self.latent))
        return self.decode(self._array("prior_mean") + noise @ self._array("prior_factor").T)

    def interpolate(self, rows: Any, *, steps: int = 8) -> Any:
        """Walk in a straight line from the code of the first row to that of the last, decoding on the way."""
        if steps < 2:
            raise InputError(f"steps is {steps}; expected at least 2.")
        codes = self.encode(rows)
        if len(codes) < 2 or not np.isfinite(codes[[0, -1]]).all():
            raise InputError("interpolate needs two valid rows, the start and the end.")
        share = np.linspace(0, 1, steps)[:, None]
        return self.decode((1 - share) * codes[0] + share * codes[-1])

    def predict(self, rows: Any, output: str = "score", **options: Any) -> Any:
        """Give one of the model's outputs by name; what MLflow's ``predict`` calls.

        Parameters
        ----------
        rows : DataFrame, array, list or dict
            For ``decode`` the codes; for ``sample`` anything, it isn't read.
        output : str
            ``score``, ``encode``, ``reconstruct``, ``attribute``, ``decode``, ``sample`` or ``interpolate``.
        **options
            ``n`` and ``seed`` of ``sample``, ``steps`` of ``interpolate``; others are ignored.
        """
        outputs: dict[str, Callable[[], Any]] = {
            "score": lambda: self.score(rows),
            "encode": lambda: self.encode(rows),
            "reconstruct": lambda: self.reconstruct(rows),
            "attribute": lambda: self.attribute(rows),
            "decode": lambda: self.decode(rows),
            "sample": lambda: self.sample(int(options.get("n", 16)), seed=int(options.get("seed", 0))),
            "interpolate": lambda: self.interpolate(rows, steps=int(options.get("steps", 8))),
        }
        if output not in outputs:
            raise InputError(f"output is {output!r}; expected one of {', '.join(outputs)}.")
        return outputs[output]()

    def _encode_rows(self, rows: Any) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        raw, valid = self.schema.encode(rows)
        x = self.normaliser(raw)
        fits = np.isfinite(x).all(axis=tuple(range(1, x.ndim)))
        x[~fits] = 0
        return x, valid & fits

    def _decode_rows(self, x: NDArray[np.float32], valid: NDArray[np.bool_]) -> Any:
        x[~valid] = np.nan
        return self.schema.decode(self.normaliser.inverse(x))

    def _in_raw_shape(self, values: NDArray[np.float64]) -> Any:
        """Lay out one number per feature of the net as people have the rows."""
        if self.config["schema"]["kind"] == "table":
            return pd.DataFrame(values, columns=self.schema.features)  # type: ignore[attr-defined]
        return self.schema.decode(values)

    @cached_property
    def _encode_graph(self) -> Graph:
        return Graph(self.folder / "encode.onnx")

    @cached_property
    def _decode_graph(self) -> Graph:
        return Graph(self.folder / "decode.onnx")

    @cached_property
    def _reconstruct_graph(self) -> Graph:
        return Graph(self.folder / "reconstruct.onnx")

    def _array(self, name: str) -> NDArray[np.float64]:
        array: NDArray[np.float64] = np.load(self.folder / f"{name}.npy", allow_pickle=False)
        return array


def _check_hashes(folder: Path) -> None:
    try:
        expected = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError as missing:
        raise InputError(f"{folder} is no packaged model: it holds no {MANIFEST}.") from missing
    except ValueError as damaged:
        raise InputError(f"{folder / MANIFEST} is no JSON ({damaged}); fetch the model again.") from damaged
    for name, sha256 in expected.items():
        path = folder / name
        if not path.is_file():
            raise InputError(f"{path} is missing; fetch the model again.")
        with path.open("rb") as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() != sha256:
                raise InputError(f"{path} differs from its hash in {MANIFEST}; fetch the model again.")
