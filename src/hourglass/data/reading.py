"""Reading what a snapshot could be made of: bundled sets, sets by name, paths and URLs."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from hourglass.data.params import DataParams
from hourglass.data.sources import Kind, Raw, reader, reader_for, torchvision_sets, urls, written
from hourglass.data.sources.embedded import EMBEDDED
from hourglass.data.sources.torchvision_sets import PREFIX
from hourglass.errors import HourglassError

#: For those who read what no setting changes.
DEFAULTS = DataParams()


def blocks_of_source(source: str, data: DataParams, limit: int, *, as_written: bool = False) -> Iterator[Raw]:
    """Read what a snapshot could be made of in blocks of at most `limit` bytes.

    A file that its reader takes as it is is read where it lies; what can't be read is told when it is met.

    Parameters
    ----------
    source : str
        As of `build`.
    data : DataParams
    limit : int
    as_written : bool
        Whether `Raw.side` holds the cells of delimited text as they were written.

    Raises
    ------
    HourglassError
        The source can't be read.
    """
    with TemporaryDirectory() as name:
        shard = Path(name)
        link = _link(source, shard, data)
        by, kind = link or take(source, shard, data)
        try:
            blocks = reader(by).blocks(shard, kind, data, limit)
            yield from written.beside(blocks, shard, data) if as_written and by == "table" else blocks
        except HourglassError as problem:
            links = [path for path in shard.iterdir() if path.is_symlink()]
            raise HourglassError(_named(str(problem), links)) from problem


def _link(source: str, shard: Path, data: DataParams) -> tuple[str, Kind] | None:
    """Link a file into a shard, where its reader takes one; None where it must be taken."""
    if source in EMBEDDED or source.startswith(PREFIX) or urls.is_url(source):
        return None
    by = reader_for(Path(source), data)
    link = getattr(reader(by), "link", None)
    kind = link and link(Path(source), shard, data)
    return (by, kind) if kind else None


def _named(message: str, links: list[Path]) -> str:
    """Say what a link leads to in its place."""
    for link in links:
        message = message.replace(str(link), str(link.readlink()))
    return message


def take(source: str, shard: Path, data: DataParams) -> tuple[str, Kind]:
    """Write the raw files of a source into an empty folder; name their reader and their kind."""
    embedded = EMBEDDED.get(source)
    if embedded is not None:
        return embedded.reader, embedded.write(shard)
    if source.startswith(PREFIX):
        return "array", torchvision_sets.write(source, shard)
    with urls.local(source) as path:
        by = reader_for(path, data)
        return by, reader(by).take(path, shard, data)
