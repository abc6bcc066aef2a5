"""What ``hourglass score`` does: rows of any number, judged block by block."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from hourglass.data.params import DataParams
from hourglass.data.reading import DEFAULTS
from hourglass.data.sources import Raw
from hourglass.errors import HourglassError
from hourglass.runtime import Model
from hourglass.use import signals
from hourglass.use.counts import Counts
from hourglass.use.maps import Maps
from hourglass.use.reading import blocks, rows
from hourglass.use.results import TABLES, Output, Result, made, require_new, told
from hourglass.use.screening import Screen, awaiting, require_screenable


def score(
    model: Model,
    source: str,
    out: Path,
    data: DataParams = DEFAULTS,
    on_rows: Callable[[int], None] | None = None,
    *,
    reasons: int = 0,
    share: float | None = None,
    maps: Maps | None = None,
) -> str:
    """Write the judgement of each row beside it.

    Columns are ``anomaly_score``, ``p_value``, ``is_anomaly`` and ``valid``, as `Model.score` has them. A table keeps
    its columns, from CSV to CSV with the cells as they were written; of images and arrays stands beside which row or
    file it was, and what came with it. Readings of series are judged a whole file at a time; see `signals.score`.

    Parameters
    ----------
    model : Model
    source : str
        What the model's data could be made of: a table, arrays, a folder of images, or a bundled set.
    out : Path
        ``.csv`` or ``.parquet``; whole or absent. For a folder of shards see `shards.score`.
    data : DataParams
        How the source is read; ``memory`` bounds what is held at once.
    on_rows : callable, optional
        Told after each block how many rows are judged.
    reasons : int
        So many of `Model.explain` stand beside each row, too.
    share : float, optional
        All rows are one batch, of whose alarms at most this share is false: ``adjusted_p_value`` and ``is_anomaly`` are
        those of `Model.screen`.
    maps : Maps, optional
        Where pictures are drawn of what is odd, of models of images; not open yet.

    Raises
    ------
    HourglassError
        The output exists, a column of a table has the name of a judgement, or the input can't be read or holds another
        kind of data; or readings of series shall be screened.
    InputError
        The rows aren't such as the model takes, or the share doesn't lie between 0 and 1.
    """
    if share is not None:
        require_screenable(model, share)
    if signals.is_of_series(model):
        return signals.score(model, source, out, data, reasons=reasons)
    require_new(out, *TABLES)

    def write(path: Path) -> Counts:
        counts = Counts()
        with Output(path) as output:
            for raw, first_row in blocks(model, source, data, path):
                judged = judge(model, raw, first_row, reasons, screened=share is not None)
                output.add(beside(raw, first_row, judged, source))
                if maps is not None:
                    maps.add(raw, first_row)
                counts += Counts.of(judged)
                if on_rows is not None:
                    on_rows(counts.rows)
        return counts

    with maps or nullcontext():
        counts = write(out) if share is None else _screened(write, out, share)
    return f"{out}: {counts.sentence(model, share)}"


def _screened(write: Callable[[Path], Counts], out: Path, share: float) -> Counts:
    """Have all rows written beside, then write them with what they are as a batch."""
    with told(out), made(out) as path, TemporaryDirectory(prefix=f"{path.name}.", dir=path.parent) as folder:
        judged = Path(folder, out.name)
        counts = write(judged)
        alarms = Screen(share, [judged]).write(judged, path)
    return replace(counts, alarms=alarms)


def judge(model: Model, raw: Raw, first_row: int, reasons: int = 0, *, screened: bool = False) -> pd.DataFrame:
    """Judge the rows of a block.

    Parameters
    ----------
    model, raw
    first_row : int
        As of `Model.score`.
    reasons : int
        As of `score`.
    screened : bool
        Whether there is a column for what `Screen` fills.
    """
    given = rows(model, raw)
    judged = model.score(given, first_row=first_row)
    if screened:
        judged = awaiting(judged)
    if reasons:
        judged = pd.concat([judged, model.explain(given, reasons, first_row=first_row)], axis=1)
    return judged.reset_index(drop=True)


def beside(raw: Raw, first_row: int, judged: pd.DataFrame, source: str) -> Result:
    """Put the judgement of rows beside them, or beside what tells which they are."""
    side = raw.side
    if raw.kind != "table" and "file" not in side:
        side = side.set_axis(range(len(side))).reindex(range(len(judged)))
        side.insert(0, "row", np.arange(first_row, first_row + len(judged)))
    taken = side.columns.intersection(judged.columns)
    if len(taken):
        raise HourglassError(f"{source}: column {taken[0]!r} has the name of a judgement; give it another.")
    missing = ~judged["valid"].to_numpy()
    return Result(pd.concat([side, judged], axis=1), {}, missing, np.dtype(np.uint8))
