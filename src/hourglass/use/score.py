"""What ``hourglass score`` does: rows of any number, judged block by block."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

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
from hourglass.use.results import TABLES, Output, Result, require_new


def score(
    model: Model,
    source: str,
    out: Path,
    data: DataParams = DEFAULTS,
    on_rows: Callable[[int], None] | None = None,
    *,
    reasons: int = 0,
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
    maps : Maps, optional
        Where pictures are drawn of what is odd, of models of images; not open yet.

    Raises
    ------
    HourglassError
        The output exists, a column of a table has the name of a judgement, or the input can't be read or holds another
        kind of data.
    InputError
        The rows aren't such as the model takes.
    """
    if signals.is_of_series(model):
        return signals.score(model, source, out, data, reasons=reasons)
    require_new(out, *TABLES)
    counts = Counts()
    with Output(out) as output, maps or nullcontext():
        for raw, first_row in blocks(model, source, data, out):
            judged = judge(model, raw, first_row, reasons)
            output.add(beside(raw, first_row, judged, source))
            if maps is not None:
                maps.add(raw, first_row)
            counts += Counts.of(judged)
            if on_rows is not None:
                on_rows(counts.rows)
    return f"{out}: {counts.sentence(model)}"


def judge(model: Model, raw: Raw, first_row: int, reasons: int = 0) -> pd.DataFrame:
    """Judge the rows of a block, the first of which has that number, and name so many reasons; see `Model.score`."""
    given = rows(model, raw)
    judged = model.score(given, first_row=first_row)
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
