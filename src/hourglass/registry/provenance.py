"""Where a result comes from: the commit of the code, and whether it was clean."""

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_COMMIT, _DIRTY, _CLEAN = "mlflow.source.git.commit", "hourglass.dirty", "no"
#: Databases keep 5,000 characters of a tag.
_LONGEST = 4000


@dataclass(frozen=True)
class Provenance:
    """The state of the code.

    Parameters
    ----------
    commit : str
        Empty where there is no git.
    dirty : tuple of str
        Paths that differ from the commit; ``dvc.lock`` isn't among them, a run writes it.
    """

    commit: str = ""
    dirty: tuple[str, ...] = ()

    @classmethod
    def of(cls, root: Path) -> "Provenance":
        """Ask git about a checkout."""
        commit = _git(root, "rev-parse", "HEAD").strip()
        if not commit:
            return cls()
        status = _git(root, "status", "--porcelain", "--no-renames", "--", ".", ":(exclude)dvc.lock").splitlines()
        return cls(commit, tuple(line[3:] for line in status))

    def tags(self) -> dict[str, str]:
        """Describe it for MLflow."""
        if not self.commit:
            return {}
        return {_COMMIT: self.commit, _DIRTY: " ".join(self.dirty)[:_LONGEST] or _CLEAN}

    @classmethod
    def read(cls, tags: Mapping[str, str]) -> "Provenance":
        """Read what `tags` wrote; git puts quotes around a path with spaces."""
        dirty = tags.get(_DIRTY, _CLEAN)
        return cls(tags.get(_COMMIT, ""), () if dirty == _CLEAN else tuple(re.findall(r'"[^"]*"|\S+', dirty)))


def _git(root: Path, *arguments: str) -> str:
    try:
        found = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True)  # noqa: S603, S607
    except (OSError, subprocess.CalledProcessError):
        return ""
    return found.stdout
