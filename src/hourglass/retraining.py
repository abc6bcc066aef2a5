"""A retraining apart from what people work on: in a worktree of its own, ending as a commit and a tag.

It runs the code and settings of HEAD on the data of the branch ``hourglass/data``.
"""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hourglass import children, databranch, params
from hourglass.files import digest, write_text
from hourglass.git import commit_index, commit_of, git, has_repository
from hourglass.locks import locked
from hourglass.params_file import override
from hourglass.project import Project
from hourglass.worktrees import worktree

TAGS = "retrain/"
#: Refs that hold what retrainings began with until a tag does, for the models of one that is killed name it.
BEGUN = "refs/hourglass/begun/"
#: What a retraining was made from, and what it made.
RECORD = ("params.yaml", databranch.DATA_FILE, "dvc.lock")


@dataclass(frozen=True)
class Retraining:
    """What a retraining left.

    Parameters
    ----------
    id : str
        When it ended (UTC), and the start of the hash of its record.
    commit : str or None
        The commit that holds its `RECORD`; HEAD itself where nothing differs from it. None without git.
    tag : str or None
        ``retrain/ID``, which sits on the commit; that of an earlier retraining where this one came to the same. None
        where nothing differs from HEAD, and without git.
    folder : Path or None
        Without git, the folder that holds its record; None where nothing differs from the workspace.
    report : Path or None
        The report, kept beside that of the main checkout; None where there is nothing new to report.
    """

    id: str
    commit: str | None
    tag: str | None
    folder: Path | None
    report: Path | None


def retrain_apart(project: Project, settings: Mapping[str, Any], on_line: Callable[[str], object]) -> Retraining:
    """Retrain in a worktree; the checkout stays as it is, and may change meanwhile.

    Parameters
    ----------
    project : Project
    settings : mapping
        Settings that are other than in params.yaml, by their dotted names.
    on_line : callable
        Called with each line that the run prints.

    Raises
    ------
    HourglassError
        A setting is wrong or the run failed; nothing is left of it but what it registered, and the commit which that
        names.
    """
    repository = has_repository(project.root)
    with worktree(project) as apart:
        _override(apart, settings)
        head = _start(project, apart, settings) if repository else None
        shared = {"HOURGLASS_HOME": str(project.home), "PYTHONPATH": str(apart.root / "src")}
        children.run(apart, "hourglass", ["run"], on_line, shared)
        with locked(project, "the retrainings"):
            return _keep_commit(project, apart, head) if head else _keep_folder(project, apart)


def _override(apart: Project, settings: Mapping[str, Any]) -> None:
    override(apart.params_file, settings)
    loaded = params.load(apart.params_file)
    if settings:
        loaded.check()


def _start(project: Project, apart: Project, settings: Mapping[str, Any]) -> str:
    """Commit what the retraining is made from, so that its models name a commit that holds it; give HEAD.

    The same code, settings and data are the same commit, however often they are tried.
    """
    head = commit_of(apart.root, "HEAD")
    data = databranch.newest(project, head)
    databranch.take(apart, data)
    git(apart.root, "add", "--", *RECORD[:2])
    changes = [f"{key} = {value}" for key, value in sorted(settings.items())]
    message = "\n".join(["Begin a retraining", "", f"Data: {data}", *changes])
    start = commit_index(apart.root, (head, data), message, dated=False)
    git(project.root, "update-ref", f"{BEGUN}{start}", start)
    git(apart.root, "update-ref", "--no-deref", "HEAD", start)
    return head


def _keep_commit(project: Project, apart: Project, head: str) -> Retraining:
    start = commit_of(apart.root, "HEAD")
    kept = _keep_tag(project, apart, head, start)
    git(project.root, "update-ref", "-d", f"{BEGUN}{start}")
    return kept


def _keep_tag(project: Project, apart: Project, head: str, start: str) -> Retraining:
    git(apart.root, "add", "--", *RECORD)
    commit = commit_index(apart.root, (start,), "Retrain", dated=False)
    name = _name(commit)
    if commit == head:
        return Retraining(name, commit, None, None, None)
    same = git(project.root, "for-each-ref", "--points-at", commit, "--format=%(refname:strip=2)", f"refs/tags/{TAGS}")
    if same:
        tag = same.splitlines()[0]
        return Retraining(tag.removeprefix(TAGS), commit, tag, None, None)
    git(project.root, "update-ref", f"refs/tags/{TAGS}{name}", commit, "")
    return Retraining(name, commit, f"{TAGS}{name}", None, _keep_report(apart, name))


def _keep_folder(project: Project, apart: Project) -> Retraining:
    """Keep the record of a retraining where there is no git to commit it to."""
    made, before = (_record(one) for one in (apart, project))
    name = _name(digest(made))
    if made == before:
        return Retraining(name, None, None, None, None)
    for same in (project.state / "retrain").glob(f"*-{digest(made)[:7]}"):
        return Retraining(same.name, None, None, same, None)
    folder = project.state / "retrain" / name
    folder.mkdir(parents=True)
    for file, text in made.items():
        write_text(folder / file, text)
    return Retraining(name, None, None, folder, _keep_report(apart, name))


def _record(project: Project) -> dict[str, str]:
    files = [project.root / file for file in RECORD]
    return {file.name: file.read_text(encoding="utf-8") if file.exists() else "" for file in files}


def _name(content: str) -> str:
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{content[:7]}"


def _keep_report(apart: Project, name: str) -> Path:
    kept = apart.report.with_name(f"retrain-{name}.html")
    shutil.copyfile(apart.report, kept)
    return kept
