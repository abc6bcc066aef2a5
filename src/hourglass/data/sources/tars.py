"""Tar shards of many small files: the same bytes for the same files, read without being unpacked."""

import io
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from hourglass.errors import HourglassError

_TAR_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Packed:
    """A file of a shard.

    Parameters
    ----------
    name : str
        Its path below the folder that was packed, with ``/``.
    content : bytes
    origin : str
        Where it lies, for messages: ``shard/images-00000.tar:cat/1.png``.
    """

    name: str
    content: bytes
    origin: str


def in_order(files: Iterable[Path], root: Path) -> list[Path]:
    """Sort files by their paths below `root`, which is the order of a shard."""
    return sorted(files, key=lambda file: file.relative_to(root).as_posix())


def pack(files: Sequence[Path], root: Path, shard: Path, stem: str) -> None:
    """Write ``STEM-00000.tar`` and on, of about 64 MB each, without times, owners or modes.

    Parameters
    ----------
    files : sequence of Path
        In the order that they shall have.
    root : Path
        What their names in the shard are relative to.
    shard : Path
        The folder that takes the tar files.
    stem : str
    """
    for number, part in enumerate(_parts(files)):
        with tarfile.open(shard / f"{stem}-{number:05d}.tar", "w", format=tarfile.PAX_FORMAT) as archive:
            for file in part:
                member = tarfile.TarInfo(file.relative_to(root).as_posix())
                content = file.read_bytes()
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))


def unpack(shard: Path, stem: str) -> Iterator[Packed]:
    """Give the files that `pack` wrote, in their order, one in memory at a time.

    Raises
    ------
    HourglassError
        There is none, an archive is damaged, or it holds what `pack` doesn't write: a link, or a name that leads out
        of the folder.
    """
    empty = True
    for tar in sorted(shard.glob(f"{stem}-*.tar")):
        try:
            for packed in _members(tar):
                empty = False
                yield packed
        except (tarfile.TarError, EOFError) as broken:
            raise HourglassError(
                f"{tar} is damaged ({broken}); fetch it again with `dvc pull`, or run `hourglass data SOURCE` again."
            ) from broken
    if empty:
        raise HourglassError(f"{shard} holds no {stem}; run `hourglass data SOURCE` again.")


def _members(tar: Path) -> Iterator[Packed]:
    with tarfile.open(tar, "r:") as archive:
        for member in archive:
            path = PurePosixPath(member.name)
            stream = archive.extractfile(member) if member.isfile() else None
            if stream is None or path.is_absolute() or ".." in path.parts:
                raise HourglassError(
                    f"{tar} holds {member.name!r}, which is no file inside the folder that was packed; remove the "
                    "archive and run `hourglass data SOURCE` again."
                )
            yield Packed(member.name, stream.read(), f"{tar}:{member.name}")
        if archive.offset + tarfile.BLOCKSIZE > tar.stat().st_size:  # tarfile takes any end for the end
            raise tarfile.ReadError("it is cut off")


def _parts(files: Sequence[Path]) -> Iterator[list[Path]]:
    """Cut a list of files where a tar shard is full."""
    part: list[Path] = []
    size = 0
    for file in files:
        if part and size + file.stat().st_size > _TAR_BYTES:
            yield part
            part, size = [], 0
        part.append(file)
        size += file.stat().st_size
    yield part
