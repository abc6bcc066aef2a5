"""How a delimited file is written: its delimiter and the names of its columns, found out from its first rows."""

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hourglass.data.settings import TableSettings
from hourglass.data.sources.compression import opened
from hourglass.data.sources.texts import BadRowError, Texts
from hourglass.errors import HourglassError

_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
#: What may be a delimiter that isn't looked for; such a file is refused rather than read as one column.
_UNUSUAL = re.compile(r"[^\w\s.,;|\"'+-]|\s{2,}")
#: Rows that the delimiter is judged by.
_SAMPLE_ROWS = 200


@dataclass(frozen=True)
class Written:
    """How a delimited file is written.

    Parameters
    ----------
    columns : tuple of str
    delimiter : str
    """

    columns: tuple[str, ...]
    delimiter: str


def written(path: Path, settings: TableSettings) -> Written:
    """Find out how a file is written.

    Raises
    ------
    HourglassError
        It is empty or no text, or its delimiter or the names of its columns can't be told.
    """
    with opened(path) as stream:
        try:
            text = Texts(stream, path, settings.encoding).sample()
        except BadRowError as bad:
            raise HourglassError(f"{path}, line {bad.row + 1}: {bad.problem}") from bad
    if not text.strip():
        raise HourglassError(f"{path} is empty; expected a header and at least one row of data.")
    delimiter = _delimiter(text, path) if settings.delimiter == "auto" else settings.delimiter
    header = cells_by_row(text, delimiter)[0]
    _require_names(header, path)
    return Written(tuple(header), delimiter)


def cells_by_row(text: str, delimiter: str) -> list[list[str]]:
    """Cut text into rows and their cells, all of them text; empty rows don't count."""
    csv.field_size_limit(2**31 - 1)
    return [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row]


def _delimiter(text: str, path: Path) -> str:
    """Take the delimiter that cuts all of the first rows into the same number of cells."""
    widths = {one: Counter(map(len, cells_by_row(text, one)[:_SAMPLE_ROWS])) for one in _DELIMITERS}
    header = {one: len(cells_by_row(text, one)[0]) for one in _DELIMITERS}
    fitting = [one for one, found in widths.items() if len(found) == 1 and header[one] > 1]
    if fitting:
        usual = "\t" if ".tsv" in path.suffixes or ".tab" in path.suffixes else ","
        return usual if usual in fitting else max(fitting, key=header.__getitem__)
    if max(header.values()) > 1:  # some rows are ragged, and will be named
        return max(_DELIMITERS, key=header.__getitem__)
    _require_one_column(text, path)
    return ","


def _require_one_column(text: str, path: Path) -> None:
    """Refuse what looks like several columns with an unusual delimiter."""
    rows = text.splitlines()[:_SAMPLE_ROWS]
    signs = [Counter(_UNUSUAL.findall(row)) for row in rows if row.strip()]
    for sign, count in signs[0].items():
        if len(signs) > 1 and all(row[sign] == count for row in signs):
            raise HourglassError(
                f"{path}: every row holds {count} of {sign!r} and no comma, semicolon, tab or bar; is that the "
                "delimiter? Set data.table.delimiter."
            )
    if any(len(row) > 1 for row in (cells_by_row(text, one)[0] for one in _DELIMITERS)):
        raise HourglassError(f"{path}: the delimiter can't be told; set data.table.delimiter.")


def _require_names(header: Sequence[str], path: Path) -> None:
    for place, name in enumerate(header):
        if not name.strip():
            raise HourglassError(
                f"{path}: column {place + 1} has no name; give every column one (pandas writes its index so, and "
                "leaves it out with index=False)."
            )
    if all(_is_fraction(name) for name in header):
        raise HourglassError(f"{path}: the first row holds numbers ({header[0]}); expected the names of the columns.")
    doubled = [name for name, count in Counter(header).items() if count > 1]
    if doubled:
        raise HourglassError(f"{path}: column {doubled[0]!r} appears twice; give every column a name of its own.")


def _is_fraction(text: str) -> bool:
    try:
        return not float(text).is_integer()
    except ValueError:
        return False
