"""A model opened from its folder."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import outputs
from .array import numbers_of
from .asking import asked, for_each
from .audio import filter_for
from .drawing import draw_index
from .errors import InputError
from .judging import Judging
from .series import made_of, readings_of
from .signal import SignalSchema
from .sound import Sound


class Model(Judging):
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

    Attributes
    ----------
    config : dict
        The content of ``config.json``; see docs/model-format.md.
    schema : Schema
        What a row is.
    normaliser : Normaliser
        The map between the units of the data and those of the net.
    conditioning : Conditioning or None
        What the model is told of a row beside it.
    latent : int
        Numbers in a code.
    members : int
        Nets of the ensemble; 1 where it is none.
    threshold : float
        A row whose score lies above is called anomalous.

    Raises
    ------
    InputError
        A file is missing or differs from its hash, or the format is unknown.
    """

    def encode(self, rows: Any) -> NDArray[np.float32]:
        """Embed rows: shape (rows, latent)."""
        return self.posterior(rows)["z"]

    def posterior(self, rows: Any, *, first_row: int = 0) -> dict[str, NDArray[Any]]:
        """Everything the encoder says of rows: ``"z"`` and, of a variational model, ``"logvar"``.

        Of a quantised one ``"index"``, the entries of each code, -1 where the row is invalid. `first_row` is that of
        `score`.
        """
        cut = self._cut(rows)
        if cut is not None:
            parts = [self.posterior(windows, first_row=at) for windows, at in cut.parts(first_row)]
            return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        inputs, valid = self._inputs(rows)
        found = self._graphs["encode"].run(*inputs, first_row=first_row)
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
            return cut.restored(lambda windows, at: self.reconstruct(windows, first_row=first_row + at))
        inputs, valid = self._inputs(rows)
        return self._decode_rows(self._graphs["reconstruct"].run(*inputs, first_row=first_row)["x_hat"], valid)

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
            x_hat = self._graphs["decode_index"].run(self._draw_index(n, generator))["x_hat"]
        else:
            noise = generator.standard_normal((n, self.config["noise"]), np.float32)
            x_hat = self._graphs["sample"].run(noise, *told)["x_hat"]
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
            return sound.cleaned(self.reconstruct, filter_for(self.config["settings"]))
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
        codes = self._graphs["encode"].run(x, *told, first_row=first_row)["z"]
        return self._decode_codes(codes, valid, asked(condition, len(codes), self.conditioning), first_row)

    def interpolate(self, rows: Any, *, steps: int = 8) -> Any:
        """Walk in a straight line from the code of the first row to that of the last, decoding on the way."""
        if steps < 2:
            raise InputError(f"steps is {steps}; expected at least 2.")
        (x, *told), valid = self._inputs(rows)
        if len(x) < 2 or not valid[[0, -1]].all():
            raise InputError("interpolate needs two valid rows, the start and the end.")
        share = np.linspace(0, 1, steps, dtype=np.float32)[:, None]
        codes, *conditions = (
            (1 - share) * ends[0] + share * ends[-1] for ends in (self._graphs["encode"].run(x, *told)["z"], *told)
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

    def _made_from(self, arrays: Any, condition: Any, first_row: int) -> Any:
        """Make the rows that go with arrays, without noise."""
        assert self.conditioning is not None  # noqa: S101
        if condition is not None:
            raise InputError(f"the model translates {self.conditioning.names[0]!r} itself; leave the condition out.")
        told_by = self.conditioning.readings
        table = None if told_by is None else readings_of(arrays, told_by)
        if told_by is not None and table is not None:
            assert isinstance(self.schema, SignalSchema)  # noqa: S101
            cut = told_by.cut(table)
            return made_of(cut, self.schema, lambda windows, at: self._made_from(windows, None, first_row + at))
        told, valid = self.conditioning.encode(arrays)
        noise = np.zeros((len(told), self.config["noise"]), np.float32)
        return self._decode_rows(self._graphs["sample"].run(noise, told, first_row=first_row)["x_hat"], valid)

    def _draw_index(self, n: int, generator: np.random.Generator) -> NDArray[np.int64]:
        """Draw codes entry by entry; the graph hands its keys and values on."""

        def step(*inputs: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
            found = self._graphs["step"].run(*inputs)
            return found["log_probability"], found["next_cache"]

        cache = np.zeros((n, *self.config["cache"]), np.float32)
        return draw_index(step, self.config["entries"], cache, generator)
