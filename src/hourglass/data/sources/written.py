"""The cells of delimited text as they were written: 00012 and 1e3 instead of numbers, NA instead of nothing."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from hourglass.data.params import DataParams
from hourglass.data.sources import Raw, table
from hourglass.data.sources.compression import opened

if TYPE_CHECKING:
    from pandas.io.parsers import TextFileReader


def beside(blocks: Iterable[Raw], shard: Path, data: DataParams) -> Iterator[Raw]:
    """Put the cells as they were written in the place of `Raw.side`; of other files rows stay as they are.

    Numbers with a decimal comma stay numbers, for no file shall hold both ways.

    Parameters
    ----------
    blocks : iterable of Raw
        What `table.blocks` gives of the shard.
    shard : Path
    data : DataParams
    """
    with _Cells(shard, data) as cells:
        for raw in blocks:
            if not cells.there:
                yield raw
                continue
            text = cells.take(len(raw.side))
            yield replace(raw, side=pd.DataFrame({name: _of(str(name), raw.side, text, data) for name in raw.side}))


def _of(name: str, read: pd.DataFrame, text: pd.DataFrame, data: DataParams) -> "pd.Series[Any]":
    """Give a column as it was written; those in the names of folders are no cells."""
    has_comma = data.table.decimal == "," and pd.api.types.is_float_dtype(read[name])
    return text[name] if name in text and not has_comma else read[name]


class _Cells:
    """Reads cells some rows at a time, file by file."""

    def __init__(self, shard: Path, data: DataParams) -> None:
        self._data = data
        self._files = table.texts(shard, data)
        self.there = bool(self._files)
        self._opened = ExitStack()
        self._reader: TextFileReader | None = None

    def __enter__(self) -> "_Cells":
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def take(self, rows: int) -> pd.DataFrame:
        """Read the next rows, which are of one file."""
        while True:
            reader = self._reader or self._open()
            try:
                frame = reader.get_chunk(rows)
            except StopIteration:
                frame = pd.DataFrame()
            if len(frame):
                assert len(frame) == rows  # noqa: S101
                return frame.reset_index(drop=True)
            self._opened.close()
            self._reader = None

    def _open(self) -> "TextFileReader":
        file, about = self._files.pop(0)
        stream = self._opened.enter_context(opened(file))
        self._reader = pd.read_csv(
            stream,
            sep=about.delimiter,
            names=list(about.columns),
            header=0,
            index_col=False,
            dtype=str,
            keep_default_na=False,
            encoding=self._data.table.encoding,
            encoding_errors="replace",  # who reads the numbers refuses such a byte by its row
            iterator=True,
        )
        return self._opened.enter_context(self._reader)
