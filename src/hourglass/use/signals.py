"""What a model of series makes of a file of readings: the same file, cleaned or judged."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hourglass.data.params import DataParams
from hourglass.data.reading import DEFAULTS
from hourglass.data.sources import table, urls, written
from hourglass.errors import HourglassError
from hourglass.runtime import Model
from hourglass.runtime.signal import SignalSchema
from hourglass.use.counts import Counts
from hourglass.use.reading import is_text
from hourglass.use.results import TABLES, Result, require_new

_JUDGED = ("anomaly_score", "is_anomaly")


def is_of_series(model: Model) -> bool:
    """Tell whether a model takes readings."""
    return isinstance(model.schema, SignalSchema)


def score(model: Model, source: str, out: Path, data: DataParams = DEFAULTS, *, reasons: int = 0) -> str:
    """Write the readings with the score of each beside, and when something is wrong in a second file.

    Parameters
    ----------
    model : Model
    source : str
        A file of readings, or its URL.
    out : Path
        ``.csv`` or ``.parquet``. ``NAME-anomalies`` of the same kind lies beside it: the times between which the score
        lies above the threshold.
    data : DataParams
        How text is written: ``table``; ``memory``.
    reasons : int
        So many channels stand beside each reading, those that its score comes from.

    Raises
    ------
    HourglassError
        An output exists, a column of the readings has the name of a result, or the input can't be read.
    InputError
        The readings aren't such as the model takes.
    """
    return judge(model, source, out, data, reasons=reasons)[1]


def judge(model: Model, source: str, out: Path, data: DataParams = DEFAULTS, *, reasons: int = 0) -> tuple[Counts, str]:
    """Do what `score` does; count the readings, too."""
    beside = out.with_name(f"{out.stem}-anomalies{out.suffix}")
    for path in (out, beside):
        require_new(path, *TABLES)
    frame, given = read(source, data, out)
    _require_judgeable(model, frame, source)
    judged, found = model.points(frame), model.intervals(frame)
    named = model.explain(frame, reasons) if reasons else pd.DataFrame(index=frame.index)
    taken = [name for name in (*_JUDGED, *named) if name in frame]
    if taken:
        raise HourglassError(f"{source}: column {taken[0]!r} has the name of a result; rename it.")
    missing = ~judged["valid"].to_numpy()
    said = _write(pd.concat([given, judged[list(_JUDGED)], named], axis=1), missing, out)
    _write(found, np.zeros(len(found), bool), beside)
    return Counts.of(judged), f"{said}; {beside}: {len(found):,} anomalies"


def _require_judgeable(model: Model, frame: pd.DataFrame, source: str) -> None:
    """Send readings that lack what a model makes of them to `translate`."""
    assert isinstance(model.schema, SignalSchema)  # noqa: S101
    absent = [name for name in model.schema.columns if name not in frame]
    if absent and model.conditioning and model.conditioning.readings:
        raise HourglassError(
            f"{source} has no column {absent[0]!r}, which the model judges by the others; give it, or have it made by "
            "`hourglass translate`."
        )


def reconstruct(model: Model, source: str, out: Path, data: DataParams = DEFAULTS) -> str:
    """Write the readings with each channel as the model rebuilds it; see `score`."""
    return _change(model, source, out, data, model.reconstruct)


def denoise(model: Model, source: str, out: Path, data: DataParams = DEFAULTS) -> str:
    """Write the readings cleaned by a denoising model; see `score`."""
    return _change(model, source, out, data, model.denoise)


def translate(model: Model, source: str, out: Path, data: DataParams = DEFAULTS) -> str:
    """Write the readings with the channels that the model makes of others, which they need not bring; see `score`."""
    return _change(model, source, out, data, model.translate)


def encode(model: Model, source: str, out: Path, data: DataParams = DEFAULTS) -> str:
    """Write the code of each window, with its start and end; see `score`."""
    require_new(out, *TABLES)
    assert model.readings is not None  # noqa: S101
    frame, _ = read(source, data, out)
    codes = model.encode(frame)
    names = [f"z_{number + 1}" for number in range(codes.shape[1])]
    where = model.readings.cut(frame).where
    return _write(pd.concat([where, pd.DataFrame(codes, columns=names)], axis=1), np.isnan(codes[:, 0]), out)


def read(source: str, data: DataParams, out: Path | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read a table of readings as it is; second as it goes to `out`, into text with its cells as they were written."""
    as_text = out is not None and is_text(out)
    how = DataParams(table=data.table, memory=data.memory)
    with urls.local(source) as path, TemporaryDirectory() as folder:
        if not path.exists():
            raise HourglassError(f"{path} doesn't exist; expected a table of readings.")
        if path.is_dir() or not table.accepts(path, how):
            raise HourglassError(f"{path} is no table; the model judges readings, a file of them at a time.")
        shard = Path(folder)
        blocks = table.blocks(shard, table.take(path, shard, how), how, how.memory)
        parts = list(written.beside(blocks, shard, how) if as_text else blocks)
    frame = pd.concat([part.rows for part in parts], ignore_index=True)
    given = pd.concat([part.side for part in parts], ignore_index=True) if as_text else frame
    return frame, given


def _change(
    model: Model, source: str, out: Path, data: DataParams, change: Callable[[pd.DataFrame], pd.DataFrame]
) -> str:
    """Write the readings with other values of the model's channels."""
    assert isinstance(model.schema, SignalSchema)  # noqa: S101
    require_new(out, *TABLES)
    frame, given = read(source, data, out)
    columns = list(model.schema.columns)
    changed = change(frame)[columns]
    rest = given.drop(columns=columns, errors="ignore")
    order = [*given, *(name for name in columns if name not in given)]
    return _write(pd.concat([rest, changed], axis=1)[order], changed.isna().any(axis=1).to_numpy(), out)


def _write(frame: pd.DataFrame, missing: NDArray[np.bool_], out: Path) -> str:
    Result(frame, {}, missing, np.dtype(np.uint8)).write(out)
    flaw = f", of which {int(missing.sum()):,} can't be judged and are left empty" if missing.any() else ""
    return f"{out}: {len(frame):,} rows{flaw}"
