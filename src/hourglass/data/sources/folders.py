"""Files of a kind below a folder, and what a ``labels.csv`` among them says."""

import os
import shutil
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import NoReturn

import pandas as pd

from hourglass.errors import HourglassError
from hourglass.runtime.images import SUFFIXES

LABELS = "labels.csv"
#: The folder beside images that holds their masks; see `masks`.
GROUND_TRUTH = "ground_truth"


def image_files(folder: Path) -> Iterator[Path]:
    """Find images below a folder, but for their masks; see `below`."""
    return (file for file in below(folder, SUFFIXES) if file.relative_to(folder).parts[0] != GROUND_TRUTH)


def mask_files(folder: Path) -> Iterator[Path]:
    """Find the masks of the images below a folder."""
    return below(folder / GROUND_TRUTH, SUFFIXES) if (folder / GROUND_TRUTH).is_dir() else iter(())


def below(folder: Path, suffixes: Collection[str]) -> Iterator[Path]:
    """Find files by their suffixes below a folder, through links too; what begins with a dot is left alone.

    Raises
    ------
    HourglassError
        A folder can't be read, a link leads back to one that it lies in, or a name is no text.
    """
    for parent, folders, files in os.walk(folder, followlinks=True, onerror=_refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in folders:
            _require_no_loop(Path(parent) / name)
        for name in files:
            if Path(name).suffix.lower() in suffixes and not name.startswith("."):
                _require_text(Path(parent) / name)
                yield Path(parent) / name


def content(file: Path) -> bytes:
    """Read a file.

    Raises
    ------
    HourglassError
        It can't be read: no permission, a link that leads nowhere or in circles.
    """
    try:
        return file.read_bytes()
    except OSError as problem:
        _refuse(problem)


def side(folder: Path, names: Sequence[str], *, own: bool = False) -> pd.DataFrame:
    """Say what is known of files beside their content.

    Parameters
    ----------
    folder : Path
        Where ``labels.csv`` lies, if there is one: a column ``file``, and what else is known of each.
    names : sequence of str
        The files' paths below the folder that they came from.
    own : bool
        Whether a file's class is the folder that it lies in itself, as ``hole`` of ``test/hole/3.png``.

    Returns
    -------
    DataFrame
        ``file``, the columns of ``labels.csv``, and ``class``, the first sub-folder where each file lies in one.
    """
    beside = pd.DataFrame({"file": list(names)})
    if (folder / LABELS).is_file():
        beside = beside.merge(_read(folder / LABELS), on="file", how="left")
    if "class" not in beside and len(names) and all("/" in name for name in names):
        beside["class"] = [name.split("/")[-2 if own else 0] for name in names]
    return beside


def copy_labels(folder: Path, shard: Path) -> None:
    """Take ``labels.csv`` along, if there is one."""
    if (folder / LABELS).is_file():
        shutil.copyfile(folder / LABELS, shard / LABELS)


def check_labels(folder: Path, names: Sequence[str]) -> None:
    """Refuse a ``labels.csv`` that doesn't have one row for each file.

    Raises
    ------
    HourglassError
        A file has no row or two, or a row no file.
    """
    path = folder / LABELS
    if not path.is_file():
        return
    listed, there = _read(path)["file"], pd.Series(list(names))
    doubled = listed[listed.duplicated()]
    if len(doubled):
        raise HourglassError(f"{path}, row {doubled.index[0] + 2}: {doubled.iloc[0]!r} has a row above; keep one.")
    strangers = listed[~listed.isin(there)]
    if len(strangers):
        raise HourglassError(
            f"{path}, row {strangers.index[0] + 2}: there is no file {strangers.iloc[0]!r} beside it "
            f"({len(strangers)} such rows); remove the row or add the file."
        )
    unknown = there[~there.isin(listed)]
    if len(unknown):
        raise HourglassError(
            f"{path} has no row for {unknown.iloc[0]!r} ({len(unknown)} such files); add one for each, or remove them."
        )


def _read(path: Path) -> pd.DataFrame:
    try:
        labels = pd.read_csv(path, dtype={"file": str})
    except (ValueError, OSError) as broken:
        raise HourglassError(f"{path} can't be read as CSV ({str(broken).strip()}); expected UTF-8.") from broken
    if "file" not in labels:
        there = ", ".join(str(name) for name in labels)
        raise HourglassError(
            f"{path} has no column 'file' (there: {there}); expected a row for each file: its path beside this file, "
            "and what is known of it."
        )
    return labels


def _require_text(file: Path) -> None:
    try:
        str(file).encode()
    except UnicodeEncodeError as broken:
        raise HourglassError(f"{os.fsencode(file)!r}: the name is no UTF-8; rename the file.") from broken


def _require_no_loop(folder: Path) -> None:
    if folder.is_symlink() and folder.parent.resolve().is_relative_to(folder.resolve()):
        raise HourglassError(f"{folder} is a link to a folder that it lies in, so its files never end; remove it.")


def _refuse(problem: OSError) -> NoReturn:
    raise HourglassError(f"{problem.filename} can't be read ({problem.strerror}); mend or remove it.") from problem
