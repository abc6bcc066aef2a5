"""What the deployed monitoring does: batches that nobody has looked at yet, held against the champion's reference.

A folder is watched. Each file or folder in it is a batch: rows, or a folder of scores. All that are new are tested
together, as one batch.
"""

from dataclasses import dataclass
from functools import reduce
from pathlib import Path

from hourglass.drift.profile import Profile
from hourglass.drift.verdict import Verdict, judge
from hourglass.drift.watch import Watch, require
from hourglass.errors import HourglassError
from hourglass.files import digest, folder_hashes, read_json, sha256_of, write_json
from hourglass.params import Params
from hourglass.project import Project
from hourglass.registry.consume import champion
from hourglass.report import drift
from hourglass.runtime.errors import InputError
from hourglass.use.monitor import profile_of
from hourglass.use.shards import MANIFEST, manifest


@dataclass(frozen=True)
class Look:
    """What came of looking at a folder.

    Parameters
    ----------
    new : dict of str to str
        The batches that were tested, by name, with the hash of each.
    passed_over : tuple of str
        Scores of another model than the present champion, and scores that aren't complete yet.
    failed : dict of str to str
        Batches that can't be tested, by name, with the reason of each.
    verdict : Verdict or None
        None where there was nothing to test.
    page : Path
        Of the verdict.
    """

    new: dict[str, str]
    passed_over: tuple[str, ...]
    failed: dict[str, str]
    verdict: Verdict | None
    page: Path

    @property
    def sentence(self) -> str:
        """What to tell people."""
        found = "No new batch." if self.verdict is None else f"{', '.join(self.new)}: {drift.sentence(self.verdict)}"
        left = f" Passed over, as another model scored it or is still at it: {', '.join(self.passed_over)}."
        failed = "".join(f" {name} can't be tested: {why}" for name, why in self.failed.items())
        return found + (left if self.passed_over else "") + failed


def look(project: Project, params: Params, source: str | None = None) -> Look:
    """Test the batches of a folder that weren't tested before, and write the drift page.

    They count as tested only when `remember` is told: what is done because of a verdict comes first. One that can't be
    read, or whose rows aren't such as the champion takes, is named, and the others are tested all the same.

    Parameters
    ----------
    project : Project
    params : Params
        ``monitor``, ``score.output`` and ``registry.name``.
    source : str, optional
        Folder, relative to the project's; by default ``monitor.source``, or where scores are put.

    Raises
    ------
    HourglassError
        There is no such folder or no champion.
    """
    folder = _folder(project, params, source)
    model, uri = champion(project, params.registry.name)
    watch = require(model)
    profiles: dict[str, Profile] = {}
    new: dict[str, str] = {}
    passed_over, failed = [], {}
    tested = _tested(project, folder)
    for batch in sorted(folder.iterdir()):
        if batch.name.startswith((".", "_")):
            continue
        try:
            key = _key(batch)
            if tested.get(batch.name) == key:
                continue
            profile = _profile(watch, batch, params)
        except (HourglassError, InputError, OSError) as problem:
            failed[batch.name] = str(problem)
            continue
        if profile is None:
            passed_over.append(batch.name)
        else:
            profiles[batch.name], new[batch.name] = profile, key
    if not profiles:
        return Look({}, tuple(passed_over), failed, None, project.drift)
    profile = reduce(Profile.merge, profiles.values())
    verdict = judge(watch, profile, params.monitor.alpha)
    drift.write(watch, profile, verdict, ", ".join(profiles), uri, project.drift)
    return Look(new, tuple(passed_over), failed, verdict, project.drift)


def remember(project: Project, params: Params, found: Look, source: str | None = None) -> None:
    """Note that batches were tested, so that they aren't again."""
    folder = _folder(project, params, source)
    path = _record(project, folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    there = {batch.name for batch in folder.iterdir()}
    kept = {name: key for name, key in _tested(project, folder).items() if name in there}
    write_json(path, kept | found.new)


def _folder(project: Project, params: Params, source: str | None) -> Path:
    folder = project.root / (source or params.monitor.source or params.score.output)
    if not folder.is_dir():
        raise HourglassError(f"{folder} is no folder; name the one that batches are put into, in monitor.source.")
    return folder


def _record(project: Project, folder: Path) -> Path:
    return project.state / "monitored" / f"{digest(str(folder.resolve()))[:32]}.json"


def _tested(project: Project, folder: Path) -> dict[str, str]:
    path = _record(project, folder)
    found: dict[str, str] = read_json(path) if path.exists() else {}
    return found


def _key(batch: Path) -> str:
    """Hash a batch; scores by their manifest, which has the hashes of all files."""
    if (batch / MANIFEST).is_file():
        return sha256_of(batch / MANIFEST)
    return digest(folder_hashes(batch)) if batch.is_dir() else sha256_of(batch)


def _profile(watch: Watch, batch: Path, params: Params) -> Profile | None:
    """Give the profile of a batch; None of scores that can't be held against this reference, or can't yet."""
    if (batch / MANIFEST).is_file():
        found = manifest(batch)
        # a model with a reference writes profiles, and the champion has one
        if not found["complete"] or any(shard.get("profile") is None for shard in found["shards"]):
            return None
    profile = profile_of(watch, str(batch), params.data)
    return profile if profile.reference == watch.key else None
