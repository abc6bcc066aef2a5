"""Where a result comes from: the commit of the code, and whether it was clean."""

import subprocess
from dataclasses import dataclass
from pathlib import Path


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
        return {"mlflow.source.git.commit": self.commit, "hourglass.dirty": " ".join(self.dirty)[:4000] or "no"}


def _git(root: Path, *arguments: str) -> str:
    try:
        found = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True)  # noqa: S603, S607
    except (OSError, subprocess.CalledProcessError):
        return ""
    return found.stdout
