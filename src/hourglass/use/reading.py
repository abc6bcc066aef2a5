"""What a model is given: a file or folder, read in blocks."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hourglass.data.params import DataParams
from hourglass.data.reading import blocks_of_source
from hourglass.data.settings import ColumnSettings
from hourglass.data.sources import Raw, joined
from hourglass.errors import HourglassError
from hourglass.runtime import InputError, Model
from hourglass.runtime.schema import ROWS, as_numbers, as_text
from hourglass.runtime.table import TableSchema
from hourglass.use import audio, pictures

_KINDS = {
    "table": "a table",
    "image": "images",
    "array": "arrays",
    "signal": "arrays of windows",
    "audio": "recordings",
}
#: Share of `data.memory` that a block may take as it is read; what is made of it takes the rest.
_SHARE = 1 / 8


def blocks(model: Model, source: str, data: DataParams, out: Path | None = None) -> Iterator[tuple[Raw, int]]:
    """Read what a model shall take.

    Parameters
    ----------
    model : Model
    source : str
        What the model's data could be made of: a table, arrays, a folder of images, or a bundled set.
    data : DataParams
        ``memory`` bounds what is held at once.
    out : Path, optional
        Where results go; beside those in a CSV file the cells of another stand as they were written.

    Yields
    ------
    Raw
        A block of rows.
    int
        The number of its first row.

    Raises
    ------
    HourglassError
        The source can't be read, holds another kind of data, or is a table without a column that the model needs.
    """
    kind = model.config["schema"]["kind"]
    first_row = 0
    learnt = audio.as_learnt if audio.is_of_recordings(model) else pictures.as_learnt
    known = _with_categories(model, learnt(model, data))
    as_written = out is not None and is_text(out)
    limit = int(_SHARE * data.memory) // (2 if as_written else 1)  # text is there beside what is read of it
    for raw in blocks_of_source(source, known, limit, as_written=as_written):
        if (raw.kind == "table") != (kind == "table") or (raw.kind == "audio" and kind != "audio"):
            raise HourglassError(f"{source} holds {_KINDS[raw.kind]}; the model takes {_KINDS[kind]}.")
        _require_columns(model, raw, source)
        yield raw, first_row
        first_row += len(raw.rows)


def _require_columns(model: Model, raw: Raw, source: str) -> None:
    """Refuse a table that lacks a column by its name; the model, which sees its rows alone, can't tell that."""
    if isinstance(model.schema, TableSchema):
        try:
            model.schema.frame(raw.rows.head(0))
        except InputError as lacking:
            raise HourglassError(f"{source}: {lacking}") from None


def count(source: str) -> int | None:
    """Tell how many rows a file holds, where that stands at its beginning or end; None where it must be read."""
    path = Path(source)
    with suppress(OSError, TypeError, ValueError, EOFError):  # who reads the file says what is wrong with it
        if path.suffix == ".npy":
            return len(np.load(path, mmap_mode="r", allow_pickle=False))
        if path.suffix == ".parquet":
            from pyarrow import parquet

            return int(parquet.read_metadata(path).num_rows)
    return None


def is_text(out: Path) -> bool:
    """Tell whether a file holds text, so that cells can stand in it as they were written."""
    return out.suffix.lower() == ".csv"


def _with_categories(model: Model, data: DataParams) -> DataParams:
    """Have categories read as text that numbers would change: a file of `007` and `012` alone looks like numbers."""
    columns = model.schema.columns if isinstance(model.schema, TableSchema) else ()
    texts = [column.name for column in columns if not _are_as_numbers_are(column.values)]
    return data.model_copy(update={"columns": data.columns | dict.fromkeys(texts, ColumnSettings(type="category"))})


def _are_as_numbers_are(values: tuple[str, ...]) -> bool:
    """Tell whether those that read as numbers would be the same text again."""
    texts = pd.Series(values, dtype=object)
    numbers = pd.Series(as_numbers(texts))
    return bool((numbers.isna() | (as_text(numbers) == texts)).all())


def ends(model: Model, source: str, data: DataParams) -> Raw:
    """Read the first row and the last."""
    found: list[Raw] = []
    count = 0
    for raw, first_row in blocks(model, source, data):
        found = [*found[:1], raw]
        count = first_row + len(raw.rows)
    whole = joined([found[0].part(slice(1)), found[-1].part(slice(-1, None))])
    return whole if count > 1 else whole.part(slice(1))


def rows(model: Model, raw: Raw) -> Any:
    """Give rows, with what stands beside them where the model is told of it."""
    told = model.conditioning
    if raw.kind == "table" or told is None or told.of_label or (told.derived and told.derived not in raw.arrays):
        return raw.rows
    return {ROWS: raw.rows} | {str(name): raw.side[name].to_numpy() for name in raw.side} | raw.arrays
