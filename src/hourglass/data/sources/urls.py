"""Data that lies elsewhere: anything that fsspec opens by a URL, fetched as it is."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import unquote, urlsplit

from hourglass.errors import HourglassError

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
#: Fetched so many bytes at a time.
_CHUNK = 2**20


def is_url(source: str) -> bool:
    """Tell a URL from a path or the name of a bundled set."""
    return _URL.match(source) is not None


def name_of(source: str) -> str:
    """Name what a path or URL leads to: the last part of its path, with nothing that may be a secret."""
    if not is_url(source):
        return Path(source).name
    parts = urlsplit(source)
    return unquote(parts.path.rstrip("/").rsplit("/", 1)[-1]) or parts.netloc.rsplit("@", 1)[-1]


@contextmanager
def local(source: str) -> Iterator[Path]:
    """Give a path for the length of a block: the one that `source` is, or where what it leads to was fetched."""
    if is_url(source):
        with fetched(source) as place:
            yield place
    else:
        yield Path(source)


@contextmanager
def fetched(url: str) -> Iterator[Path]:
    """Fetch a file or folder for the length of a block; errors inside name the URL.

    Raises
    ------
    HourglassError
        Nothing is there, it can't be reached, or what fsspec needs for it isn't installed.
    """
    with TemporaryDirectory() as folder:
        place = Path(folder) / (Path(name_of(url)).name or "data")
        _fetch(url, place)
        try:
            yield place
        except HourglassError as problem:
            raise HourglassError(str(problem).replace(str(place), _shown(url))) from problem


def _fetch(url: str, place: Path) -> None:
    from fsspec.core import url_to_fs

    try:
        system, path = url_to_fs(url)
        if not _is_web(system) and system.isdir(path):
            for file in sorted(system.find(path)):
                _copy(system, file, _below(place, file.removeprefix(path).lstrip("/")))
        else:
            _copy(system, path, place)
    except HourglassError:
        raise
    except (ImportError, ValueError) as unknown:
        raise HourglassError(f"{_shown(url)} can't be opened: {_said(unknown)}.") from unknown
    except FileNotFoundError as absent:
        raise HourglassError(f"{_shown(url)} doesn't exist or can't be reached; check the URL.") from absent
    except Exception as problem:  # each file system has errors of its own
        raise HourglassError(
            f"{_shown(url)} can't be fetched ({type(problem).__name__}: {_said(problem)}); check the URL, the network "
            "and who may read it."
        ) from problem


def _is_web(system: Any) -> bool:
    """Tell a web server: it has no folders, and what it has at the end of a slash is a page."""
    protocols = (system.protocol,) if isinstance(system.protocol, str) else system.protocol
    return bool({"http", "https"} & set(protocols))


def _copy(system: Any, path: str, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    with system.open(path, "rb") as there, place.open("wb") as here:
        shutil.copyfileobj(there, here, _CHUNK)


def _below(folder: Path, name: str) -> Path:
    """Refuse names that lead out of the folder."""
    place = folder / name
    if not place.resolve().is_relative_to(folder.resolve()):
        raise HourglassError(f"the name {name!r} leads out of its folder; rename it.")
    return place


def _shown(url: str) -> str:
    """Write a URL without user, password, query and fragment, any of which may be a secret."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rsplit("@", 1)[-1], query="", fragment="").geturl()


def _said(problem: BaseException) -> str:
    return " ".join(re.sub(r"(https?://[^\s?'\"]+)\?\S+", r"\1", str(problem)).split()).rstrip(".")
