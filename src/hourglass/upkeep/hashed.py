"""A file that was held against its hash, and what was found."""

from dataclasses import dataclass
from pathlib import Path

from hourglass.dvc_cache import md5_of
from hourglass.files import sha256_of

_HASHES = {"md5": md5_of, "sha256": sha256_of}


@dataclass(frozen=True)
class Hashed:
    """One file that has a recorded hash.

    Parameters
    ----------
    name : str
        What people know it by: its path as seen from the project's root, or version and file.
    size : int
        Bytes; 0 where it isn't here.
    problem : str
        What is wrong with it, the rest of a sentence; empty if it is as recorded.
    fix : str
        What to do about it.
    absent : bool
        Nothing is wrong, but the file isn't here: not pulled, or not made yet.
    path : Path or None
        Where it is; None where only a copy of it is on this machine.
    expected : str
        The recorded hash.
    """

    name: str
    size: int = 0
    problem: str = ""
    fix: str = ""
    absent: bool = False
    path: Path | None = None
    expected: str = ""

    @classmethod
    def held(cls, path: Path, name: str, expected: str, fix: str, algorithm: str = "md5") -> "Hashed":
        """Hash a file and compare."""
        if not path.is_file():
            return cls(name, problem="is missing", fix=fix, path=path, expected=expected)
        found, size = _HASHES[algorithm](path), path.stat().st_size
        if found == expected:
            return cls(name, size, path=path, expected=expected)
        problem = f"has {algorithm} {found[:12]}, recorded is {expected[:12]}"
        return cls(name, size, problem, fix, path=path, expected=expected)
