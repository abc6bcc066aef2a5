"""Where things are: the project's root, its stages' outputs and the state shared between worktrees."""

import os
from dataclasses import dataclass
from pathlib import Path

from hourglass.errors import HourglassError


@dataclass(frozen=True)
class Project:
    """A checkout of the project.

    Parameters
    ----------
    root : Path
        The folder that holds ``params.yaml`` and ``dvc.yaml``.
    home : Path
        The folder of the shared state (MLflow store, checkpoints, locks): the main checkout, also when `root` is one
        of its git worktrees or a temporary experiment of DVC. ``HOURGLASS_HOME`` overrides it. A worktree of a
        repository without a main checkout (bare, or with a separate git directory) is its own home.
    """

    root: Path
    home: Path

    @classmethod
    def find(cls, start: Path | None = None) -> "Project":
        """Find the project that holds a folder.

        Raises
        ------
        HourglassError
            Neither `start` (default: the working directory) nor a folder above it is a project, or ``HOURGLASS_HOME``
            is relative.
        """
        start = (start or Path.cwd()).resolve()
        for folder in (start, *start.parents):
            if (folder / "params.yaml").is_file() and (folder / "dvc.yaml").is_file():
                return cls(folder, _shared_home(folder))
        raise HourglassError(
            f"{start} is in no Hourglass project: no folder from here upwards holds params.yaml and dvc.yaml; "
            "go into a clone of the project and run the command there."
        )

    @property
    def params_file(self) -> Path:
        """Every setting."""
        return self.root / "params.yaml"

    @property
    def data(self) -> Path:
        """The raw snapshot."""
        return self.root / "data"

    @property
    def lock_file(self) -> Path:
        """What DVC knows of the last run of each stage."""
        return self.root / "dvc.lock"

    @property
    def report(self) -> Path:
        """The rendered report; that of a worktree lies in the main checkout, for it would be removed with it."""
        if self.root.is_relative_to(self.state / "worktrees"):
            return self.home / "reports" / "retrain.html"
        return self.root / "reports" / "index.html"

    @property
    def drift(self) -> Path:
        """The page of the last batch that was monitored."""
        return self.root / "reports" / "drift.html"

    @property
    def explorer(self) -> Path | None:
        """The page beside the report in which decoders run; a worktree's report is kept and has none."""
        return self.report.with_name("explorer.html") if self.report.name == "index.html" else None

    @property
    def dataset(self) -> Path:
        """Output of ``ingest``."""
        return self.root / "work" / "dataset"

    @property
    def comparison(self) -> Path:
        """Output of ``compare``."""
        return self.root / "work" / "compare"

    def output(self, stage: str, variant: str) -> Path:
        """Output of a stage that exists once per variant (``train``, ``package``, ``evaluate``)."""
        return self.root / "work" / stage / variant

    def inputs(self, stage: str) -> Path:
        """Give the file that says what the output of a stage was made from."""
        return self.root / "work" / "inputs" / f"{stage}.json"

    @property
    def mlruns(self) -> Path:
        """The embedded MLflow store."""
        return self.home / "mlruns"

    @property
    def state(self) -> Path:
        """Locks and unfinished work, shared between worktrees."""
        return self.home / ".hourglass"


def _shared_home(root: Path) -> Path:
    override = os.environ.get("HOURGLASS_HOME")
    if override:
        return _absolute(override)
    for folder in root.parents:
        if folder.name == "exps" and folder.parts[-3:-1] == (".dvc", "tmp"):
            inside = root.relative_to(folder).parts
            depth = 2 if inside[0] == "standalone" else 1
            return folder.parents[2].joinpath(*inside[depth:])
        if folder.name == "worktrees" and folder.parent.name == ".hourglass":
            return folder.parents[1]
    for folder in (root, *root.parents):
        git = folder / ".git"
        if git.is_dir():
            return root
        if git.is_file():
            return _main_worktree(git) / root.relative_to(folder)
    return root


def _absolute(home: str) -> Path:
    path = Path(home).expanduser()
    if not path.is_absolute():
        raise HourglassError(
            f"HOURGLASS_HOME is {home!r}, which would be another place in every folder; give an absolute path."
        )
    return path.resolve()


def _main_worktree(git_file: Path) -> Path:
    """Follow a linked worktree's ``.git`` file to the checkout that owns the repository (gitrepository-layout)."""
    git_dir = Path(git_file.read_text().removeprefix("gitdir:").strip())
    git_dir = (git_file.parent / git_dir).resolve()
    common = git_dir / "commondir"
    if not common.is_file():
        return git_file.parent
    repository = (git_dir / common.read_text().strip()).resolve()
    has_checkout = repository.name == ".git" and (repository / "index").is_file()  # a bare one has no index
    return repository.parent if has_checkout else git_file.parent
