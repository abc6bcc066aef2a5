"""Files that can't be read, whoever runs the tests: a superuser may read all."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any


def forbidding(name: str, read: Callable[..., Any]) -> Callable[..., Any]:
    """Give what reads files as before, but for those of a name."""

    def refusing(path: Path, *rest: Any) -> Any:
        if path.name == name:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return read(path, *rest)

    return refusing
