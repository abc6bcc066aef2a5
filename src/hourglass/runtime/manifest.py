"""The hashes of a package's files."""

import hashlib
import json
from pathlib import Path

from .errors import InputError

MANIFEST = "manifest.json"


def check(folder: Path) -> None:
    """Hold each file of a package against its hash.

    Raises
    ------
    InputError
        The folder is no package, or a file is missing or differs.
    """
    try:
        expected = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError as missing:
        raise InputError(f"{folder} is no packaged model: it holds no {MANIFEST}.") from missing
    except ValueError as damaged:
        raise InputError(f"{folder / MANIFEST} is no JSON ({damaged}); fetch the model again.") from damaged
    for name, sha256 in expected.items():
        path = folder / name
        if not path.is_file():
            raise InputError(f"{path} is missing; fetch the model again.")
        with path.open("rb") as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() != sha256:
                raise InputError(f"{path} differs from its hash in {MANIFEST}; fetch the model again.")
