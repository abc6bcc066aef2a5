"""What ``hourglass encode``, ``reconstruct``, ``denoise``, ``translate``, ``interpolate`` and ``sample`` do.

Each writes one file or folder and gives a sentence about it. The output's suffix names its form; rows that the model
can't judge stay empty and are counted. Files are read, worked on and written in blocks.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hourglass.data.params import DataParams
from hourglass.data.reading import DEFAULTS
from hourglass.data.sources import Raw
from hourglass.errors import HourglassError
from hourglass.runtime import Model
from hourglass.runtime.schema import ROWS
from hourglass.use import audio, pictures, signals
from hourglass.use.reading import blocks, ends, rows
from hourglass.use.results import ARRAYS, FOLDER, TABLES, Output, Result, require_new

#: Values of columns, as ``hourglass sample --condition digit=3`` has them.
Condition = dict[str, list[str]]
#: What is made of a block; told the number of its first row.
Change = Callable[[Raw, int], Any]


def encode(model: Model, source: str, out: Path, data: DataParams = DEFAULTS) -> str:
    """Write the code of each row, ``z_1`` and on; of a quantised model its entries, too.

    Parameters
    ----------
    model : Model
    source : str
        What the model's data could be made of: a table, arrays, a folder of images, or a bundled set.
    out : Path
        ``.csv`` or ``.parquet``: with the columns that are no features; ``.npy``: the codes alone; ``.npz``.
    data : DataParams
        How the source is read; ``memory`` bounds what is held at once.

    Raises
    ------
    HourglassError
        The output exists, or the input can't be read or holds another kind of data.
    InputError
        The rows aren't such as the model takes.
    """
    if signals.is_of_series(model):
        return signals.encode(model, source, out, data)
    require_new(out, *TABLES, *ARRAYS)

    def result(raw: Raw, first_row: int) -> Result:
        found = model.posterior(rows(model, raw), first_row=first_row)
        arrays = {"z": found["z"]} | ({"entry": found["index"]} if "index" in found else {})
        features = _columns(model)
        beside = raw.side.drop(columns=[name for name in features if name in raw.side])
        return Result(beside, arrays, np.isnan(found["z"]).any(axis=1), _pixels(model))

    return _write((result(*block) for block in blocks(model, source, data, out)), out)


def reconstruct(model: Model, source: str, out: Path, data: DataParams = DEFAULTS) -> str:
    """Write each row as the model rebuilds it; see `encode`."""
    if signals.is_of_series(model):
        return signals.reconstruct(model, source, out, data)
    if audio.is_of_recordings(model):
        return audio.reconstruct(model, source, out)

    def change(raw: Raw, first_row: int) -> Any:
        return model.reconstruct(rows(model, raw), first_row=first_row)

    return _change(model, source, out, data, change)


def denoise(model: Model, source: str, out: Path, data: DataParams = DEFAULTS, reference: str | None = None) -> str:
    """Write each row as a denoising model rebuilds it; see `encode`.

    Of recordings `reference` may name the clean ones, to be told what was gained.
    """
    if reference is not None and not audio.is_of_recordings(model):
        raise HourglassError("--reference is for recordings, and the model takes none; leave it out.")
    if signals.is_of_series(model):
        done = signals.denoise(model, source, out, data)
    elif audio.is_of_recordings(model):
        done = audio.denoise(model, source, out, reference)
    else:
        done = _change(model, source, out, data, lambda raw, first_row: model.denoise(raw.rows, first_row=first_row))
    return f"{done}; the model learnt to undo: {model.config['settings']['corruption']}"


def translate(model: Model, source: str, out: Path, condition: Condition, data: DataParams = DEFAULTS) -> str:
    """Write each row as it would be under another condition; see `encode`.

    Of a model that was told an array, the input is these arrays, alone or under their name; of one that was told
    channels of series, readings of these.
    """
    asked = _asked(model, condition)
    if model.conditioning and model.conditioning.readings:
        return signals.translate(model, source, out, data)

    def change(raw: Raw, first_row: int) -> Any:
        told = model.conditioning
        if told and told.known_shape:
            return model.translate(raw.arrays.get(told.names[0], raw.rows), condition=asked, first_row=first_row)
        beside = raw.rows if raw.kind == "table" else raw.side
        known = beside if told and set(told.names) <= set(beside) else None
        return model.translate(rows(model, raw), condition=asked, known=known, first_row=first_row)

    return _change(model, source, out, data, change, condition)


def interpolate(model: Model, source: str, out: Path, steps: int, data: DataParams = DEFAULTS) -> str:
    """Write the way from the first row to the last; see `encode`."""
    require_new(out, *_forms(model))
    way = model.interpolate(rows(model, ends(model, source, data)), steps=steps)
    if audio.is_of_recordings(model) and out.suffix == FOLDER:
        return audio.write_rows(model, way, out)
    return _write([_result(model, way)], out)


def sample(model: Model, out: Path, n: int, seed: int, condition: Condition) -> str:
    """Write new rows; see `encode`."""
    require_new(out, *_forms(model))
    made = model.sample(n, seed=seed, condition=_asked(model, condition))
    if audio.is_of_recordings(model) and out.suffix == FOLDER:
        return audio.write_rows(model, made, out, seed)
    return _write([_result(model, made, told=condition)], out)


def _change(
    model: Model, source: str, out: Path, data: DataParams, change: Change, told: Condition | None = None
) -> str:
    require_new(out, *_forms(model))
    found = blocks(model, source, data, out)
    results = (_result(model, _typed(change(raw, first_row), raw), raw.side, told) for raw, first_row in found)
    return _write(results, out) + pictures.remark(model, out)


def _typed(made: Any, raw: Raw) -> Any:
    """Give arrays of fractions in the type that they came in."""
    came_in = getattr(raw.rows, "dtype", None)
    return (
        made.astype(came_in) if isinstance(made, np.ndarray) and came_in is not None and came_in.kind == "f" else made
    )


def _asked(model: Model, condition: Condition) -> Condition | None:
    """Refuse to be told what the model doesn't know of; None where nothing is asked for."""
    for name in condition:
        if model.conditioning and name not in model.conditioning.names:
            expected = model.conditioning.words
            raise HourglassError(f"--condition names {name!r}, which the model isn't told; expected {expected}.")
    return condition or None


def _result(model: Model, made: Any, side: pd.DataFrame | None = None, told: Condition | None = None) -> Result:
    """Put what was made in the place of what it was made from."""
    beside = pd.DataFrame(index=range(len(made))) if side is None else side
    beside = beside.assign(**{name: value for name, (value,) in (told or {}).items()})
    if isinstance(made, pd.DataFrame):
        missing = made.isna().any(axis=1).to_numpy()
        return Result(beside.assign(**{str(name): made[name].to_numpy() for name in made}), {}, missing, _pixels(model))
    missing = np.isnan(made).any(axis=tuple(range(1, made.ndim)))
    return Result(beside, {ROWS: made}, missing, _pixels(model), pictures.form_of(model))


def _write(results: Iterable[Result], out: Path) -> str:
    count = missing = 0
    with Output(out) as output:
        for result in results:
            output.add(result)
            count += len(result.missing)
            missing += int(result.missing.sum())
    flaw = f", of which {missing:,} can't be judged and are left empty" if missing else ""
    return f"{out}: {count:,} rows{flaw}"


def _forms(model: Model) -> tuple[str, ...]:
    """Tell what can hold rows of the model."""
    return {"table": TABLES, "image": (*ARRAYS, FOLDER), "array": ARRAYS, "signal": ARRAYS, "audio": (*ARRAYS, FOLDER)}[
        model.config["schema"]["kind"]
    ]


def _columns(model: Model) -> list[str]:
    return [column["name"] for column in model.config["schema"].get("columns", [])]


def _pixels(model: Model) -> "np.dtype[np.unsignedinteger[Any]]":
    """Tell what the model's images were made of: 8 or 16 bits."""
    return np.dtype(np.uint16 if model.config.get("dtype") == "uint16" else np.uint8)
