"""A model opened from its folder."""

import json
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import chain
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from . import attribution, manifest, outputs
from .alarms import adjusted
from .array import numbers_of
from .asking import asked, for_each, told_of
from .audio import AudioSchema
from .conditioning import Conditioning
from .conformal import PValues
from .drawing import draw_index
from .errors import InputError
from .graphs import Graph
from .normaliser import Normaliser
from .parts import parts
from .schema import all_true, judged, schema_from_config
from .series import Series, Windows, made_of
from .signal import SignalSchema
from .sound import Sound
from .table import TableSchema

FORMAT_VERSION = 1


class Model:
    """A packaged autoencoder.

    Every method takes rows as the model's consumer has them (a DataFrame, arrays, lists, dicts) and answers in the
    data's own units. A row that can't be judged comes back as missing (NaN), never as normal.

    A conditional model (``conditioning`` isn't None) that was told the label judges rows without it; one that was told
    other columns needs them in every row of a table; beside arrays, what it was told comes in a dict of arrays,
    ``{"x": rows, "photo": photos}``. What it shall make, it is told by ``condition``: a table with its columns (or the
    array), of one row for all or of one for each.

    A model of series takes windows, or a table of readings, which it cuts into windows: then `score` tells when each
    starts and ends, `points` judges each reading, `intervals` says between which times something is wrong, and what is
    rebuilt is a table again. One that makes channels of others is told these: to judge, it needs both, and `translate`
    takes those that it is told.

    A model of recordings takes pieces of them, or a waveform of shape (samples,) at the rate of its schema; what is
    rebuilt of that is a waveform again.

    An ensemble (`members` is above 1) scores and rebuilds rows by the mean of its members, whose scores' standard
    deviation is ``score_spread``. It encodes, decodes and samples by the first: a code of one member says nothing to
    another.

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
            invalid) and ``valid``; of an ensemble ``score_spread``, the standard deviation of its members' scores. Of
            a table of readings a row for each window, with its ``series`` (where the table
            names it), ``start`` and ``end`` before.
        """
        cut = self._cut(rows)
        names = ("score", "score_spread") if self.members > 1 else ("score",)
        scores, *spread = self._judged(rows if cut is None else cut, first_row, names)
        invalid = np.isnan(scores)  # numbers near the largest of float32 overflow in the net
        p = self._p_values(scores)
        p[invalid] = np.nan
        anomalous = pd.arrays.BooleanArray(scores > self.threshold, invalid)
        found = {"anomaly_score": scores, "p_value": p, "is_anomaly": anomalous, "valid": ~invalid}
        found |= dict(zip(names[1:], spread, strict=True))
        if cut is not None:
            return pd.concat([cut.where, pd.DataFrame(found, copy=False)], axis=1)
        return pd.DataFrame(found, rows.index if isinstance(rows, pd.DataFrame) else None, copy=False)

    def screen(self, rows: Any, share: float = 0.1) -> pd.DataFrame:
        """Judge rows as one batch, of whose alarms at most a share is false on average, however many rows are normal.

        A p-value is at least 1 / (n + 1) for n calibration rows: of few of these, no row of a large batch can be told.

        Parameters
        ----------
        rows : DataFrame, array, list or dict
        share : float
            Of false alarms among all alarms (the false-discovery rate), between 0 and 1.

        Returns
        -------
        DataFrame
            As of `score`, with ``adjusted_p_value`` (Benjamini & Hochberg) behind ``p_value``; ``is_anomaly`` tells
            where that is at most `share`.

        Raises
        ------
        InputError
            `share` doesn't lie between 0 and 1.
        """
        if not 0 < share < 1:
            raise InputError(f"share is {share:g}; expected a number between 0 and 1.")
        judged = self.score(rows)
        p = adjusted(judged["p_value"].to_numpy())
        judged.insert(list(judged).index("p_value") + 1, "adjusted_p_value", p)
        judged["is_anomaly"] = pd.arrays.BooleanArray(p <= share, np.isnan(p))
        return judged

    def anomaly_score(self, rows: Any, *, first_row: int = 0) -> NDArray[np.float64]:
        """Give the column ``anomaly_score`` of `score` alone, of the same bytes: NaN where a row can't be judged.

        This is the quick way to judge few rows: an array of one row takes some microseconds.

        Parameters
        ----------
        rows, first_row
            As of `score`.

        Returns
        -------
        ndarray of shape (rows,), or (windows,) of a table of readings
        """
        cut = self._cut(rows)
        return self._scores(rows if cut is None else cut, first_row)

    def points(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Judge each reading of series by the windows that cover it.

        Parameters
        ----------
        rows : DataFrame
            Readings, one a row.

        Returns
        -------
        DataFrame
            For each row ``anomaly_score``, the mean of its windows' scores; ``is_anomaly``, whether that lies above the
            threshold; ``valid``, False where no window covers it.
        """
        cut = self._cut_or_refuse(rows)
        return cut.points(self._scores(cut, 0), self.threshold)

    def intervals(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Tell between which times series are anomalous: where the score of `points` lies above the threshold.

        Returns
        -------
        DataFrame
            ``series`` (where the table names it), ``start``, ``end`` and ``anomaly_score``, the highest between them.
        """
        cut = self._cut_or_refuse(rows)
        return cut.intervals(self._scores(cut, 0), self.threshold)

    def _scores(self, rows: Any, first_row: int) -> NDArray[np.float64]:
        return self._judged(rows, first_row, ("score",))[0]

    def _judged(self, rows: Any, first_row: int, names: Sequence[str]) -> list[NDArray[np.float64]]:
        """Score rows, or the windows of a cut, in parts; give outputs of the graph by name."""
        found = [self._judged_part(part, at, names) for part, at in self._parts(rows, first_row)]
        return found[0] if len(found) == 1 else [np.concatenate(parts) for parts in zip(*found, strict=True)]

    def _parts(self, rows: Any, first_row: int) -> Iterable[tuple[Any, int]]:
        """Cut rows, where each is one whatever comes with it; windows, which overlap and are many, some at a time."""
        if isinstance(rows, Windows):
            return chain.from_iterable(self._parts(*part) for part in rows.parts(first_row))
        if isinstance(self.schema, AudioSchema):
            return [(rows, first_row)]
        if isinstance(self.schema, TableSchema) and (self.conditioning is None or self.conditioning.of_label):
            bare = self.schema.bare(rows)
            rows = rows if bare is None else bare
        return parts(rows, self._numbers, first_row)

    def _judged_part(self, rows: Any, first_row: int, names: Sequence[str]) -> list[NDArray[np.float64]]:
        inputs, valid = self._inputs(rows)
        found = self._reconstruct_graph.run(*inputs, first_row=first_row, outputs=names)
        judged = [found[name].astype(np.float64) for name in names]
        if not all_true(valid):
            for values in judged:
                values[~valid] = np.nan
        return judged

    def encode(self, rows: Any) -> NDArray[np.float32]:
        """Embed rows: shape (rows, latent)."""
        return self.posterior(rows)["z"]

    def posterior(self, rows: Any, *, first_row: int = 0) -> dict[str, NDArray[Any]]:
        """Everything the encoder says of rows: ``"z"`` and, of a variational model, ``"logvar"``.

        Of a quantised one ``"index"``, the entries of each code, -1 where the row is invalid. `first_row` is that of
        `score`.
        """
        inputs, valid = self._inputs(rows)
        found = self._encode_graph.run(*inputs, first_row=first_row)
        for values in found.values():
            values[~valid] = np.nan if values.dtype.kind == "f" else -1
        return found

    def reconstruct(self, rows: Any, *, first_row: int = 0) -> Any:
        """Encode and decode rows; of a table of readings, give the table with each channel rebuilt; of sound, sound.

        `first_row` is that of `score`.
        """
        sound = Sound.of(self.schema, rows)
        if sound is not None:
            return sound.rebuilt(self.reconstruct)
        cut = self._cut(rows)
        if cut is not None:
            return cut.restored(self.reconstruct)
        inputs, valid = self._inputs(rows)
        return self._decode_rows(self._reconstruct_graph.run(*inputs, first_row=first_row)["x_hat"], valid)

    def residuals(self, rows: Any, *, first_row: int = 0) -> NDArray[np.float32]:
        """Reconstruction minus input in the net's units: shape (rows, *shape); `first_row` is that of `score`."""
        inputs, valid = self._inputs(rows)
        residuals: NDArray[np.float32] = self._reconstruct_graph.run(*inputs, first_row=first_row)["x_hat"] - inputs[0]
        residuals[~valid] = np.nan
        return residuals

    def attribute(self, rows: Any, *, first_row: int = 0) -> Any:
        """Divide each row's score among its columns, pixels or entries; the parts sum to it.

        Those of the mean squared error are the squared residuals'; other scores say how they divide. Of a table they
        are a DataFrame with a column for each of the model's columns, of a table of readings that table with each
        channel's part in its place, the mean over the windows around it; else an array in the rows' own shape.
        `first_row` is that of `score`.
        """
        cut = self._cut(rows)
        if cut is not None:
            return cut.restored(self.attribute)
        return attribution.laid_out(self._score_parts(rows, first_row), self.schema)

    def _score_parts(self, rows: Any, first_row: int) -> NDArray[np.float64]:
        """Divide scores among the numbers of rows in the net: shape (rows, *shape)."""
        if self.config.get("score", "mse") == "mse":
            return self._squares(rows, first_row) / prod(self.schema.shape)
        inputs, valid = self._inputs(rows)
        divided = self._parts_graph.run(*inputs, first_row=first_row)["parts"].astype(np.float64)
        divided[~valid] = np.nan
        return divided

    def explain(self, rows: Any, most: int = 3, *, first_row: int = 0) -> pd.DataFrame:
        """Name what each row's score comes from, the largest part first.

        Parameters
        ----------
        rows : DataFrame, array, list or dict
        most : int
            Reasons of a row, at most.
        first_row : int
            As of `score`.

        Returns
        -------
        DataFrame
            ``reason_1`` and ``share_1``, its part of the score from 0 to 1, ``reason_2`` and so on. A reason is a
            column of a table; a channel of readings; else a place, such as ``y 3, x 5`` of an image.
        """
        parts = self.attribute(rows, first_row=first_row)
        if isinstance(self.schema, SignalSchema) and isinstance(rows, pd.DataFrame):
            parts = parts[list(self.schema.columns)]
        found = attribution.reasons(parts, self.schema, most)
        return found.set_axis(rows.index) if isinstance(rows, pd.DataFrame) else found

    def _squares(self, rows: Any, first_row: int) -> NDArray[np.float64]:
        """Squared residuals in the net's units, of an ensemble their mean over its members: shape (rows, *shape)."""
        if self.members == 1:
            return self.residuals(rows, first_row=first_row).astype(np.float64) ** 2
        inputs, valid = self._inputs(rows)
        squares = self._squares_graph.run(*inputs, first_row=first_row)["squares"].astype(np.float64)
        squares[~valid] = np.nan
        return squares

    def decode(self, z: Any, *, condition: Any = None) -> Any:
        """Decode codes of shape (rows, latent)."""
        numbers = numbers_of(z)
        codes = numbers.astype(np.float32) if numbers.dtype.kind in "buif" else np.empty(0, np.float32)
        if codes.ndim != 2 or codes.shape[1] != self.latent:
            raise InputError(f"codes have shape {numbers.shape}; expected (rows, {self.latent}).")
        valid = np.asarray(np.isfinite(codes).all(axis=1))
        return self._decode_codes(codes, valid, asked(condition, len(codes), self.conditioning))

    def sample(self, n: int = 16, *, seed: int = 0, condition: Any = None) -> Any:
        """Draw n new rows: codes made of noise (numpy's Philox), decoded."""
        if n < 1:
            raise InputError(f"n is {n}; expected at least 1.")
        if seed < 0:
            raise InputError(f"seed is {seed}; expected 0 or more.")
        generator = np.random.Generator(np.random.Philox(seed))
        told = asked(condition, n, self.conditioning)
        if self.config.get("entries"):
            x_hat = self._decode_index_graph.run(self._draw_index(n, generator))["x_hat"]
        else:
            noise = generator.standard_normal((n, self.config["noise"]), np.float32)
            x_hat = self._sample_graph.run(noise, *told)["x_hat"]
        return self._decode_rows(x_hat, np.ones(n, bool))

    def denoise(self, rows: Any, *, first_row: int = 0) -> Any:
        """Rebuild rows by a model that learnt to undo a corruption; `first_row` is that of `score`.

        Raises
        ------
        InputError
            The model didn't: its settings name no ``corruption``.
        """
        if not self.config["settings"].get("corruption"):
            raise InputError(
                f"{self.config['variant']} wasn't trained to denoise; take a model of the variant denoising, or "
                "reconstruct the rows."
            )
        sound = Sound.of(self.schema, rows)
        if sound is not None:
            return sound.cleaned(self.reconstruct, in_phase=self.config["settings"].get("amplitude", 0) > 0)
        return self.reconstruct(rows, first_row=first_row)

    def translate(self, rows: Any, *, condition: Any = None, known: Any = None, first_row: int = 0) -> Any:
        """Make of rows what they are under another condition: the same hand, another digit.

        What the code says of a row stays. A model that was told an array (a photo) makes the row that goes with it (a
        sketch); then `rows` are these arrays, and the code is the one in the middle of the prior.

        Parameters
        ----------
        rows : DataFrame, array, list or dict
        condition : table
            What the new rows shall be, one row for all or one for each; not for a model that was told an array.
        known : table, optional
            What `rows` are, where they don't bring it: their labels, one for all or one for each.
        first_row : int
            As of `score`.

        Raises
        ------
        InputError
            The model isn't conditional, or the condition is missing or unknown.
        """
        if self.conditioning is None:
            raise InputError(f"{self.config['variant']} isn't conditional and can't translate; take a cvae.")
        if self.conditioning.known_shape:
            return self._made_from(rows, condition, first_row)
        if condition is None:
            raise InputError(f"translate needs a condition; expected {self.conditioning.words}.")
        (x, *told), valid = self._inputs(rows)
        if known is not None:
            told = [for_each(self.conditioning.encode(known)[0], len(x), "`known`", "rows to translate")]
        codes = self._encode_graph.run(x, *told, first_row=first_row)["z"]
        return self._decode_codes(codes, valid, asked(condition, len(codes), self.conditioning), first_row)

    def _made_from(self, arrays: Any, condition: Any, first_row: int) -> Any:
        """Make the rows that go with arrays, without noise."""
        assert self.conditioning is not None  # noqa: S101
        if condition is not None:
            raise InputError(f"the model translates {self.conditioning.names[0]!r} itself; leave the condition out.")
        if self.conditioning.readings is not None and isinstance(arrays, pd.DataFrame):
            assert isinstance(self.schema, SignalSchema)  # noqa: S101
            cut = self.conditioning.readings.cut(arrays)
            return made_of(cut, self.schema, lambda windows, at: self._made_from(windows, None, first_row + at))
        told, valid = self.conditioning.encode(arrays)
        noise = np.zeros((len(told), self.config["noise"]), np.float32)
        return self._decode_rows(self._sample_graph.run(noise, told, first_row=first_row)["x_hat"], valid)

    def interpolate(self, rows: Any, *, steps: int = 8) -> Any:
        """Walk in a straight line from the code of the first row to that of the last, decoding on the way."""
        if steps < 2:
            raise InputError(f"steps is {steps}; expected at least 2.")
        (x, *told), valid = self._inputs(rows)
        if len(x) < 2 or not valid[[0, -1]].all():
            raise InputError("interpolate needs two valid rows, the start and the end.")
        share = np.linspace(0, 1, steps, dtype=np.float32)[:, None]
        codes, *conditions = (
            (1 - share) * ends[0] + share * ends[-1] for ends in (self._encode_graph.run(x, *told)["z"], *told)
        )
        return self._decode_codes(codes, np.ones(steps, bool), conditions)

    def predict(self, rows: Any, output: str = "score", **options: Any) -> Any:
        """Give one of the model's outputs by name; what MLflow's ``predict`` calls.

        Parameters
        ----------
        rows : DataFrame, array, list or dict
            For ``decode`` the codes; for ``sample`` anything, it isn't read.
        output : str
            ``score``, ``screen``, ``encode``, ``reconstruct``, ``attribute``, ``explain``, ``decode``, ``sample``,
            ``interpolate``, ``denoise``, ``translate``, or of series ``points`` or ``intervals``.
        **options
            ``share`` of ``screen``, ``reasons`` of ``explain``, ``n`` and ``seed`` of ``sample``, ``steps`` of
            ``interpolate``, ``condition`` (JSON: column to value) of ``sample``, ``decode`` and ``translate``; others
            are ignored.
        """
        return outputs.named(self, rows, output, options)

    @cached_property
    def _numbers(self) -> int:
        """Numbers of a row in the net."""
        return prod(self.schema.shape)

    def _cut(self, rows: Any) -> Windows | None:
        """Cut a table of readings into windows; None where rows are rows already."""
        return None if self._series is None else self._series.cut(rows)

    def _cut_or_refuse(self, rows: Any) -> Windows:
        cut = self._cut(rows)
        if cut is None:
            raise InputError("times are judged of series alone; give a model of series a table of readings.")
        return cut

    def _encode_rows(self, rows: Any) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        bare = self.schema.bare(rows) if self.normaliser.is_affine else None
        if bare is not None:
            return judged(self.normaliser(bare))  # what isn't finite is still not
        raw, valid = self.schema.encode(rows)
        x, fits = judged(self.normaliser(raw))
        return x, valid & fits

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

    def _decode_codes(
        self,
        codes: NDArray[np.float32],
        valid: NDArray[np.bool_],
        told: list[NDArray[np.float32]],
        first_row: int = 0,
    ) -> Any:
        x_hat = self._decode_graph.run(np.where(valid[:, None], codes, 0), *told, first_row=first_row)["x_hat"]
        return self._decode_rows(x_hat, valid)

    def _decode_rows(self, x: NDArray[np.float32], valid: NDArray[np.bool_]) -> Any:
        x[~valid] = np.nan
        return self.schema.decode(self.normaliser.inverse(x))

    @cached_property
    def _p_values(self) -> PValues:
        return PValues(self.calibration)

    @cached_property
    def _encode_graph(self) -> Graph:
        return Graph(self.folder / "encode.onnx")

    @cached_property
    def _decode_graph(self) -> Graph:
        return Graph(self.folder / "decode.onnx")

    def _draw_index(self, n: int, generator: np.random.Generator) -> NDArray[np.int64]:
        """Draw codes entry by entry; the graph hands its keys and values on."""

        def step(*inputs: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
            found = self._step_graph.run(*inputs)
            return found["log_probability"], found["next_cache"]

        cache = np.zeros((n, *self.config["cache"]), np.float32)
        return draw_index(step, self.config["entries"], cache, generator)

    @cached_property
    def _step_graph(self) -> Graph:
        return Graph(self.folder / "step.onnx")

    @cached_property
    def _decode_index_graph(self) -> Graph:
        return Graph(self.folder / "decode_index.onnx")

    @cached_property
    def _sample_graph(self) -> Graph:
        return Graph(self.folder / "sample.onnx")

    @cached_property
    def _squares_graph(self) -> Graph:
        return Graph(self.folder / "squares.onnx")

    @cached_property
    def _parts_graph(self) -> Graph:
        return Graph(self.folder / "parts.onnx")

    @cached_property
    def _reconstruct_graph(self) -> Graph:
        return Graph(self.folder / "reconstruct.onnx", self.config.get("blocks", ()))
