"""A model opened from its folder."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import chain
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .audio import AudioSchema
from .conditioning import Conditioning
from .conformal import PValues
from .drawing import draw_index
from .errors import InputError
from .graphs import Graph
from .normaliser import Normaliser
from .parts import parts
from .schema import ROWS, all_true, judged, names_of, schema_from_config
from .signal import Cut, SignalSchema
from .table import TableSchema

FORMAT_VERSION = 1
MANIFEST = "manifest.json"
#: Windows of a series, or pieces of sound, that are in memory at once.
_WINDOWS = 4096


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
        _check_hashes(self.folder)
        self.config: dict[str, Any] = json.loads((self.folder / "config.json").read_text(encoding="utf-8"))
        if self.config["format_version"] != FORMAT_VERSION:
            raise InputError(
                f"{self.folder} has format {self.config['format_version']}; this version reads format {FORMAT_VERSION}."
            )
        self.schema = schema_from_config(self.config["schema"])
        self.normaliser = Normaliser.from_config(self.config["normaliser"])
        known = self.config.get("condition")
        self.conditioning = Conditioning.from_config(known) if known else None
        self.latent: int = self.config["latent"]
        self.members: int = self.config.get("ensemble", 1)
        self.threshold: float = self.config["threshold"]

    @cached_property
    def readings(self) -> SignalSchema | None:
        """What a table of readings has to hold and how it is cut; None where rows are no windows of series."""
        if not isinstance(self.schema, SignalSchema):
            return None
        told = self.conditioning.readings if self.conditioning else None
        return self.schema if told is None else self.schema.beside(told)

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
        scores = cut.scores(self._scores(cut, 0))
        valid = ~np.isnan(scores)
        anomalous = pd.array(scores > self.threshold, dtype="boolean")
        anomalous[~valid] = pd.NA
        return pd.DataFrame({"anomaly_score": scores, "is_anomaly": anomalous, "valid": valid}, index=rows.index)

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
        if isinstance(rows, Cut):
            starts = range(0, len(rows.starts), _WINDOWS)
            return chain.from_iterable(
                self._parts(self._windows(rows, at, at + _WINDOWS), first_row + at) for at in starts
            )
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
        sound = self._sound(rows)
        if sound is not None:
            return sound[0].rebuilt(*sound[1:])
        cut = self._cut(rows)
        if cut is not None:
            return self._restored(cut, self.reconstruct(self._windows(cut)))
        inputs, valid = self._inputs(rows)
        return self._decode_rows(self._reconstruct_graph.run(*inputs, first_row=first_row)["x_hat"], valid)

    def residuals(self, rows: Any, *, first_row: int = 0) -> NDArray[np.float32]:
        """Reconstruction minus input in the net's units: shape (rows, *shape); `first_row` is that of `score`."""
        inputs, valid = self._inputs(rows)
        residuals: NDArray[np.float32] = self._reconstruct_graph.run(*inputs, first_row=first_row)["x_hat"] - inputs[0]
        residuals[~valid] = np.nan
        return residuals

    def attribute(self, rows: Any) -> Any:
        """Divide each row's score among its columns, pixels or entries: the squared residual's share of each."""
        cut = self._cut(rows)
        if cut is not None:
            return self._restored(cut, self.attribute(self._windows(cut)))
        return self._in_raw_shape(self._squares(rows) / prod(self.schema.shape))

    def _squares(self, rows: Any) -> NDArray[np.float64]:
        """Squared residuals in the net's units, of an ensemble their mean over its members: shape (rows, *shape)."""
        if self.members == 1:
            return self.residuals(rows).astype(np.float64) ** 2
        inputs, valid = self._inputs(rows)
        squares = self._squares_graph.run(*inputs)["squares"].astype(np.float64)
        squares[~valid] = np.nan
        return squares

    def decode(self, z: Any, *, condition: Any = None) -> Any:
        """Decode codes of shape (rows, latent)."""
        codes = np.asarray(z, np.float32)
        if codes.ndim != 2 or codes.shape[1] != self.latent:
            raise InputError(f"codes have shape {codes.shape}; expected (rows, {self.latent}).")
        valid = np.asarray(np.isfinite(codes).all(axis=1))
        return self._decode_codes(codes, valid, self._asked(condition, len(codes)))

    def sample(self, n: int = 16, *, seed: int = 0, condition: Any = None) -> Any:
        """Draw n new rows: codes made of noise (numpy's Philox), decoded."""
        if n < 1:
            raise InputError(f"n is {n}; expected at least 1.")
        generator = np.random.Generator(np.random.Philox(seed))
        told = self._asked(condition, n)
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
        sound = self._sound(rows)
        if sound is not None:
            return sound[0].cleaned(*sound[1:])
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
            told = [_for_each(self.conditioning.encode(known)[0], len(x), "`known`", "rows to translate")]
        codes = self._encode_graph.run(x, *told, first_row=first_row)["z"]
        return self._decode_codes(codes, valid, self._asked(condition, len(codes)), first_row)

    def _made_from(self, arrays: Any, condition: Any, first_row: int) -> Any:
        """Make the rows that go with arrays, without noise."""
        assert self.conditioning is not None  # noqa: S101
        if condition is not None:
            raise InputError(f"the model translates {self.conditioning.names[0]!r} itself; leave the condition out.")
        if self.conditioning.readings is not None and isinstance(arrays, pd.DataFrame):
            return self._made_from_readings(self.conditioning.readings.cut(arrays), first_row)
        told, valid = self.conditioning.encode(arrays)
        noise = np.zeros((len(told), self.config["noise"]), np.float32)
        return self._decode_rows(self._sample_graph.run(noise, told, first_row=first_row)["x_hat"], valid)

    def _made_from_readings(self, cut: Cut, first_row: int) -> pd.DataFrame:
        """Make the channels that go with those of a table, at its times."""
        starts = range(0, len(cut.starts), _WINDOWS)
        return self._restored(
            cut, np.concatenate([self._made_from(cut.part(at, at + _WINDOWS), None, first_row + at) for at in starts])
        )

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
            ``score``, ``encode``, ``reconstruct``, ``attribute``, ``decode``, ``sample``, ``interpolate``,
            ``denoise``, ``translate``, or of series ``points`` or ``intervals``.
        **options
            ``n`` and ``seed`` of ``sample``, ``steps`` of ``interpolate``, ``condition`` (JSON: column to value) of
            ``sample``, ``decode`` and ``translate``; others are ignored.
        """
        condition = _condition(options.get("condition"))
        outputs: dict[str, Callable[[], Any]] = {
            "score": lambda: self.score(rows),
            "encode": lambda: self.encode(rows),
            "reconstruct": lambda: self.reconstruct(rows),
            "attribute": lambda: self.attribute(rows),
            "decode": lambda: self.decode(rows, condition=condition),
            "sample": lambda: self.sample(
                int(options.get("n", 16)), seed=int(options.get("seed", 0)), condition=condition
            ),
            "interpolate": lambda: self.interpolate(rows, steps=int(options.get("steps", 8))),
            "denoise": lambda: self.denoise(rows),
            "translate": lambda: self.translate(rows, condition=condition),
            "points": lambda: self.points(rows),
            "intervals": lambda: self.intervals(rows),
        }
        if output not in outputs:
            raise InputError(f"output is {output!r}; expected one of {', '.join(outputs)}.")
        return outputs[output]()

    @cached_property
    def _numbers(self) -> int:
        """Numbers of a row in the net."""
        return prod(self.schema.shape)

    def _cut(self, rows: Any) -> Cut | None:
        """Cut a table of readings into windows; None where rows are rows already."""
        return self.readings.cut(rows) if self.readings is not None and isinstance(rows, pd.DataFrame) else None

    def _windows(self, cut: Cut, first: int = 0, stop: int | None = None) -> Any:
        """Give windows of a cut as the model takes them: alone, or with those of the channels that it is told."""
        windows = cut.part(first, len(cut.starts) if stop is None else stop)
        told = self.conditioning.readings if self.conditioning else None
        if told is None:
            return windows
        own = self.schema.shape[0]
        return {ROWS: windows[..., :own], told.name: windows[..., own:]}

    def _restored(self, cut: Cut, windows: NDArray[np.float64]) -> pd.DataFrame:
        assert isinstance(self.schema, SignalSchema)  # noqa: S101
        return cut.restored(windows, self.schema.columns)

    def _sound(self, rows: Any) -> tuple[AudioSchema, Iterator[NDArray[np.float64]], NDArray[np.float64]] | None:
        """Give what makes sound of rebuilt pieces, these pieces, and the waveform; None where rows are rows."""
        if not isinstance(self.schema, AudioSchema) or names_of(rows) or np.ndim(rows) != 1 or not len(rows):
            return None
        waveform = np.asarray(rows)
        if waveform.dtype.kind not in "buif":
            return None
        pieces = self.schema.pieces(waveform.astype(np.float64))
        starts = range(0, len(pieces), _WINDOWS)
        return self.schema, (self.reconstruct(pieces[at : at + _WINDOWS]) for at in starts), waveform

    def _cut_or_refuse(self, rows: Any) -> Cut:
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
        rows = rows if cut is None else self._windows(cut)
        x, valid = self._encode_rows(rows)
        if self.conditioning is None:
            return [x], valid
        if self.conditioning.of_label:
            return [x, self.conditioning.unknown(len(x))], valid
        names = ", ".join(self.conditioning.names)
        if self.conditioning.derived and not names_of(rows):
            rows = {ROWS: rows, names: self.conditioning.derive(self.schema.decode(self.schema.encode(rows)[0]))}
        if self.config["schema"]["kind"] != "table" and not names_of(rows):
            raise InputError(
                f"rows come without {names}, which the model is told of each; give a dict of arrays: {ROWS}, {names}."
            )
        told, known = self.conditioning.encode(rows)
        if len(told) != len(x):
            raise InputError(f"there are {len(x)} rows and {len(told)} of {names}; expected one for each.")
        return [x, told], valid & known

    def _asked(self, condition: Any, count: int) -> list[NDArray[np.float32]]:
        """Give what a conditional model is told of `count` rows that it shall make."""
        if self.conditioning is None:
            if condition is not None:
                raise InputError("the model isn't conditional; leave the condition out.")
            return []
        if condition is None:
            return [self.conditioning.unknown(count)]
        told, known = self.conditioning.encode(condition)
        if not known.all():
            raise InputError(
                f"row {int((~known).argmax())} of the condition isn't known; expected {self.conditioning.words}."
            )
        return [_for_each(told, count, "the condition", "to make")]

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

    def _in_raw_shape(self, values: NDArray[np.float64]) -> Any:
        """Lay out one number per feature of the net as people have the rows."""
        if self.config["schema"]["kind"] == "table":
            return pd.DataFrame(values, columns=self.schema.features)  # type: ignore[attr-defined]
        return self.schema.decode(values)

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
    def _reconstruct_graph(self) -> Graph:
        return Graph(self.folder / "reconstruct.onnx", self.config.get("blocks", ()))


def _for_each(told: NDArray[np.float32], count: int, what: str, rows: str) -> NDArray[np.float32]:
    """Repeat what is told of one row for all, or take it as it is."""
    if len(told) not in {1, count}:
        raise InputError(f"{what} has {len(told)} rows; expected 1, or {count} as there are {rows}.")
    return np.broadcast_to(told, (count, told.shape[1]))


def _condition(text: Any) -> dict[str, list[Any]] | None:
    """Read a condition as MLflow's parameters have it: JSON, column to value."""
    if not text:
        return None
    try:
        return {str(name): [value] for name, value in json.loads(text).items()}
    except (ValueError, AttributeError) as wrong:
        raise InputError(f'condition is {text!r}; expected JSON such as {{"digit": 3}}.') from wrong


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
