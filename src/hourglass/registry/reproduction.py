"""``hourglass reproduce``: build a registered version again from its tags, and hold the two against each other."""

from collections.abc import Callable
from dataclasses import dataclass
from math import isclose, isfinite
from pathlib import Path
from typing import Any

from hourglass import dvc_data, dvc_repo, outputs
from hourglass.errors import HourglassError
from hourglass.files import folder_hashes, read_json, sha256_of
from hourglass.git import commit_of, has_repository
from hourglass.project import Project
from hourglass.registry import consume
from hourglass.registry.origin import Origin
from hourglass.runtime.manifest import MANIFEST
from hourglass.worktrees import worktree

#: How far scores, and what is computed from data, may lie apart on another fingerprint, relative to the larger.
TOLERANCE = 0.01
#: Keys of ``config.json`` that are computed; all others are set, and must be equal.
_COMPUTED = ("threshold", "normaliser", "condition")
#: What a version's tags hold anyway, so that it doesn't matter whether it was committed.
_IN_TAGS = ("params.yaml", "data.dvc")
#: Parts of a package that no arithmetic goes into.
_CODE = ("runtime/", "shim.py")


@dataclass(frozen=True)
class Reproduction:
    """A version beside its rebuild.

    Parameters
    ----------
    origin : Origin
    fingerprint : dict
        Of the rebuild.
    differing : tuple of str
        Files of the package that differ, or that only one of the two has.
    files : int
        How many files both have together.
    rows : int
        How many rows of selection both can judge.
    difference : float
        Largest difference of their scores, relative to the larger of the two; infinite where one can't judge a row.
    apart : tuple of str
        What decides on an alarm or a p-value and lies further apart than `TOLERANCE`: keys of ``config.json``,
        ``calibration.npy``.
    """

    origin: Origin
    fingerprint: dict[str, Any]
    differing: tuple[str, ...]
    files: int
    rows: int
    difference: float
    apart: tuple[str, ...]

    @property
    def same_fingerprint(self) -> bool:
        """Tell whether the bits may be expected to agree."""
        return self.fingerprint == self.origin.fingerprint

    @property
    def match(self) -> bool:
        """Tell whether the rebuild is the version: to the bit, or on another fingerprint by all that it does."""
        if self.same_fingerprint or not self.differing:
            return not self.differing
        same_code = not any(name.startswith(_CODE) for name in self.differing)
        return same_code and not self.apart and self.rows > 0 and self.difference <= TOLERANCE

    @property
    def verdict(self) -> str:
        """Say it in one sentence."""
        uri, count = self.origin.uri, len(self.differing)
        scores = f"scores of {self.rows} selection rows differ by at most {self.difference:.2g} (relative)"
        if not self.differing:
            return f"{uri} is reproduced bit for bit: all {self.files} files are equal"
        files = f"{count} of {self.files} files differ ({', '.join(self.differing[:4])}{', ...' if count > 4 else ''})"
        if self.same_fingerprint:
            return f"{uri} is not reproduced: on the same fingerprint {files}; {scores}"
        outcome = "is reproduced within tolerance" if self.match else "is not reproduced"
        apart = f"; further apart than that: {', '.join(self.apart)}" if self.apart else ""
        return f"{uri} {outcome}: on another fingerprint {files}; {scores}, {TOLERANCE:g} is allowed{apart}"

    def facts(self) -> dict[str, Any]:
        """Describe it for programs."""
        return {
            "uri": self.origin.uri,
            "match": self.match,
            "verdict": self.verdict,
            "commit": self.origin.provenance.commit,
            "uncommitted": list(_uncommitted(self.origin)),
            "fingerprint": {"registered": self.origin.fingerprint, "here": self.fingerprint},
            "files": {"all": self.files, "differing": list(self.differing)},
            "scores": {
                "rows": self.rows,
                "max_relative_difference": self.difference if isfinite(self.difference) else None,
                "tolerance": TOLERANCE,
            },
            "apart": list(self.apart),
        }


def reproduce(project: Project, uri: str, on_line: Callable[[str], object]) -> Reproduction:
    """Build a version again and compare; the checkout, the registry and DVC's cache stay as they are.

    Parameters
    ----------
    project : Project
    uri : str
        ``models:/NAME/3`` or ``models:/NAME@champion``.
    on_line : callable
        Called with each line that DVC or a stage prints.

    Raises
    ------
    HourglassError
        There is no such version; its commit, its data or its files aren't here; or a stage failed.
    """
    origin = Origin.of(project, uri)
    _require_commit(project, origin)
    registered = _sound_package(project, origin)
    uncommitted = _uncommitted(origin)
    if uncommitted:
        on_line(f"{origin.uri} was made with changes that are in no commit, so it may differ: {', '.join(uncommitted)}")
    with worktree(project, origin.provenance.commit) as checkout:
        # a state of its own: checkpoints of the first training would make this no rebuild
        apart = Project(checkout.root, checkout.root)
        _set_up(apart, origin)
        _run(apart, origin.variant, on_line)
        return _compared(apart, origin, registered)


def _uncommitted(origin: Origin) -> tuple[str, ...]:
    """Give the paths whose content at the time is in no commit, nor in the tags."""
    return tuple(path for path in origin.provenance.dirty if path not in _IN_TAGS)


def _require_commit(project: Project, origin: Origin) -> None:
    commit = origin.provenance.commit
    if not commit:
        raise HourglassError(f"{origin.uri} was made outside of git, so nobody knows its code; it can't be rebuilt.")
    if not has_repository(project.root):
        raise HourglassError(f"{project.root} is in no git repository; rebuild {origin.uri} in the one that made it.")
    try:
        commit_of(project.root, commit)
    except HourglassError as unknown:
        raise HourglassError(
            f"{origin.uri} was made from commit {commit}, which this repository doesn't have; fetch it, or rebuild the "
            "version in the repository that made it."
        ) from unknown


def _sound_package(project: Project, origin: Origin) -> Path:
    """Fetch what was registered, and make sure that it still is that."""
    folder = consume.fetch(origin.uri, project)
    if sha256_of(folder / MANIFEST) != origin.manifest:
        raise HourglassError(f"{folder / MANIFEST} differs from the version's tag; `hourglass verify` says more.")
    return folder


def _set_up(apart: Project, origin: Origin) -> None:
    """Put the version's settings and its data into the checkout."""
    from hourglass import params
    from hourglass.stages import snapshot

    _edit(apart.params_file, {**origin.params, "variants": [origin.variant]})
    _edit(apart.root / snapshot.DATA_STAGE, {"outs": [{"md5": origin.data, "hash": "md5", "path": apart.data.name}]})
    snapshot.ensure(apart, params.load(apart.params_file))
    if dvc_data.differs(apart):
        raise HourglassError(f"DVC's cache gives other data than {origin.data}; `hourglass verify` names the file.")


def _edit(path: Path, content: dict[str, Any]) -> None:
    """Replace keys of a YAML file."""
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.dump({**yaml.load(path), **content}, path)


def _run(apart: Project, variant: str, on_line: Callable[[str], object]) -> None:
    """Run the stages up to the package, whatever DVC remembers of them, and let DVC and MLflow remember nothing."""
    arguments = ["repro", "--force", "--no-run-cache", "--no-commit", f"package@{variant}"]
    # nobody listens at the discard port: the training's mirror gives up, and no store has a run more
    env = {"HOURGLASS_HOME": str(apart.home), "MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}
    dvc_repo.run(apart, arguments, on_line, env)


def _compared(apart: Project, origin: Origin, registered: Path) -> Reproduction:
    import numpy as np

    from hourglass.data.dataset import Dataset
    from hourglass.evaluation.parts import scores
    from hourglass.runtime import Model

    rebuilt = apart.output("package", origin.variant)
    before, after = read_json(registered / MANIFEST), folder_hashes(rebuilt)
    before[MANIFEST] = origin.manifest
    names = sorted({*before, *after})
    dataset = Dataset(apart.dataset)
    old, new = (scores(Model(folder), dataset, "selection") for folder in (registered, rebuilt))
    return Reproduction(
        origin=origin,
        fingerprint=read_json(apart.output("train", origin.variant) / outputs.MODEL)["fingerprint"],
        differing=tuple(name for name in names if before.get(name) != after.get(name)),
        files=len(names),
        rows=int(np.sum(~np.isnan(old) & ~np.isnan(new))),
        difference=_difference(old, new),
        apart=_apart(registered, rebuilt),
    )


def _apart(registered: Path, rebuilt: Path) -> tuple[str, ...]:
    """Name what two packages don't share: settings that differ, and computed numbers beyond the tolerance."""
    import numpy as np

    old, new = (read_json(folder / "config.json") for folder in (registered, rebuilt))
    names = [
        key
        for key in sorted({*old, *new})
        if not _alike(old.get(key), new.get(key), TOLERANCE if key in _COMPUTED else 0.0)
    ]
    before, after = (np.load(folder / "calibration.npy") for folder in (registered, rebuilt))
    if before.shape != after.shape or _difference(before, after) > TOLERANCE:
        names.append("calibration.npy")
    return tuple(names)


def _alike(old: Any, new: Any, tolerance: float) -> bool:
    if isinstance(old, dict) and isinstance(new, dict):
        return old.keys() == new.keys() and all(_alike(old[key], new[key], tolerance) for key in old)
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(_alike(*pair, tolerance) for pair in zip(old, new, strict=True))
    if isinstance(old, float) and isinstance(new, float):
        return isclose(old, new, rel_tol=tolerance)
    return bool(old == new)


def _difference(old: Any, new: Any) -> float:
    """Give the largest relative difference; a row that only one of the two can judge counts as infinitely far."""
    import numpy as np

    if not np.array_equal(np.isnan(old), np.isnan(new)):
        return float("inf")
    judged = ~np.isnan(old)
    larger = np.maximum(np.abs(old[judged]), np.abs(new[judged]))
    return float(np.max(np.abs(old[judged] - new[judged]) / np.where(larger > 0, larger, 1), initial=0))
