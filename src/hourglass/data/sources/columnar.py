"""Parquet and Arrow files, read in blocks."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hourglass.data.sources import memory
from hourglass.errors import HourglassError

_MAGIC = {b"PAR1": "parquet", b"ARROW1": "arrow", b"\xff\xff\xff\xff": "stream"}

#: Bytes of a column that are read at once; left to itself pyarrow reads a whole row group.
_BUFFER = 2**16


def kind_of(start: bytes) -> str | None:
    """Name the columnar format of a file by its first bytes: ``parquet``, ``arrow`` or ``stream`` (of Arrow)."""
    return next((name for magic, name in _MAGIC.items() if start.startswith(magic)), None)


def columns(path: Path, kind: str) -> tuple[str, ...]:
    """Name the columns of a file.

    Raises
    ------
    HourglassError
        It is damaged.
    """
    with _Opened(path, kind) as file:
        return tuple(map(str, file.schema.names))


def frames(path: Path, kind: str, limit: int) -> Iterator[pd.DataFrame]:
    """Read a file in blocks, one ahead of who uses them.

    Parameters
    ----------
    path : Path
    kind : str
        As `kind_of` names it.
    limit : int
        Bytes that the blocks which are held at once may take.

    Raises
    ------
    HourglassError
        It is damaged.
    """
    memory.keep()
    with _Opened(path, kind) as file, ThreadPoolExecutor(1) as pool:
        batches = file.batches(limit)
        waiting = pool.submit(_next, batches)
        while (frame := waiting.result()) is not None:
            waiting = pool.submit(_next, batches)
            if len(frame):
                yield frame


def _next(batches: Iterator[Any]) -> pd.DataFrame | None:
    batch = next(batches, None)
    return None if batch is None else _frame(batch)


class _Opened:
    """An open file; what pyarrow says of it becomes a sentence."""

    def __init__(self, path: Path, kind: str) -> None:
        self.path, self.kind = path, kind

    def __enter__(self) -> "_Opened":
        import pyarrow as pa
        import pyarrow.parquet as pq

        with _told(self.path, self.kind):
            if self.kind == "parquet":
                self.file: Any = pq.ParquetFile(self.path, pre_buffer=False, buffer_size=_BUFFER)
                self.source: Any = self.file
                self.schema = self.file.schema_arrow
            else:
                self.source = pa.OSFile(str(self.path))  # not a map, whose pages count as memory
                opened = pa.ipc.open_file if self.kind == "arrow" else pa.ipc.open_stream
                self.file = opened(self.source)
                self.schema = self.file.schema
        return self

    def __exit__(self, *problem: object) -> None:
        self.source.close()

    def batches(self, limit: int) -> Iterator[Any]:
        """Give the rows in record batches that take a third of the limit: one is read ahead, one is turned."""
        import pyarrow as pa

        with _told(self.path, self.kind):
            rows = max(1, limit // 3 // _row_bytes(self.schema))
            if self.kind == "parquet":
                for batch in self.file.iter_batches(batch_size=rows):
                    yield pa.Table.from_batches([batch])
                return
            every = (
                self.file if self.kind == "stream" else map(self.file.get_batch, range(self.file.num_record_batches))
            )
            for batch in every:
                for start in range(0, len(batch), rows):
                    yield pa.Table.from_batches([batch.slice(start, rows)])


@contextmanager
def _told(path: Path, kind: str) -> Iterator[None]:
    """Turn what pyarrow says of a damaged file into a sentence."""
    try:
        yield
    except (OSError, ValueError, NotImplementedError, KeyError) as problem:  # pyarrow's errors are of these
        said = " ".join(str(problem).split()).rstrip(".")
        what = "Parquet" if kind == "parquet" else "Arrow"
        raise HourglassError(
            f"{path} can't be read as {what} ({said}); is it cut off? Fetch or make it again."
        ) from problem


def _row_bytes(schema: Any) -> int:
    """Estimate what a row takes as a DataFrame; of text so much as is usual."""
    from pyarrow import types

    return sum(8 if types.is_primitive(field.type) else 80 for field in schema) or 8


def _frame(table: Any) -> pd.DataFrame:
    """Turn a batch into a DataFrame; decimals become floats, dates times, categories what they are of.

    Integers stay such beside missing ones, so that they are the same in blocks with and without.
    """
    import pyarrow as pa
    from pyarrow import types

    for place, field in enumerate(table.schema):
        plain = None
        if types.is_decimal(field.type) or types.is_float16(field.type):
            plain = pa.float64()
        elif types.is_date(field.type):
            plain = pa.timestamp("ms")
        elif types.is_dictionary(field.type):
            plain = field.type.value_type
        if plain is not None:
            table = table.set_column(place, pa.field(field.name, plain), table.column(place).cast(plain))
    frame: pd.DataFrame = table.to_pandas(ignore_metadata=True)
    for field, column in zip(table.schema, table.columns, strict=True):
        if types.is_integer(field.type) and column.null_count:
            missing = np.asarray(column.is_null())
            frame[field.name] = pd.arrays.IntegerArray(np.asarray(column.fill_null(0)), missing)
    return frame
