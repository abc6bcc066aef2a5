"""The data branch goes forward by data alone, and a run takes the data that is newest for its commit."""

from pathlib import Path

import pytest

from hourglass import databranch
from hourglass.databranch import BRANCH, DATA_FILE
from hourglass.errors import HourglassError
from hourglass.project import Project
from hourglass.worktrees import worktree
from tests.repository import git

pytestmark = pytest.mark.usefixtures("no_override")


def write(root: Path, **files: str) -> str:
    """Commit files, named without their dots; give the commit."""
    for name, text in files.items():
        (root / name.replace("_", ".")).write_text(text)
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "Change")
    return git(root, "rev-parse", "HEAD")


def make_project(root: Path) -> Project:
    root.mkdir(parents=True)
    git(root, "init", "--quiet", "--initial-branch=main", "..")
    write(root, _gitignore="/.hourglass/\n/.dvc/\n", params_yaml="seed: 0\n", dvc_yaml="stages: {}\n", data_dvc="first")
    return Project.find(root)


@pytest.fixture
def project(tmp_path) -> Project:
    """A project below the top of its repository."""
    return make_project(tmp_path / "checkout" / "hourglass")


def advance(project: Project, data: str) -> str:
    head = git(project.root, "rev-parse", "HEAD")
    with worktree(project) as apart:
        databranch.take(apart, databranch.newest(project, head))
        (apart.root / DATA_FILE).write_text(data)
        return databranch.advance(project, apart, f"Add {data}")


def data_of(project: Project, revision: str) -> str:
    return git(project.root, "show", f"{revision}:./{DATA_FILE}")


def newest(project: Project) -> str:
    head = git(project.root, "rev-parse", "HEAD")
    return data_of(project, databranch.newest(project, head))


def parents(project: Project, commit: str) -> list[str]:
    return git(project.root, "show", "--no-patch", "--format=%P", commit).split()


def test_without_the_branch_the_newest_data_is_that_of_the_commit(project):
    assert databranch.tip(project) is None
    assert newest(project) == "first"


def test_branch_goes_forward_and_the_checkout_stays(project):
    start = git(project.root, "rev-parse", "HEAD")
    (project.root / "params.yaml").write_text("seed: 1\n")
    git(project.root, "add", ".")
    one = advance(project, "second")
    two = advance(project, "third")
    assert parents(project, one) == [start]
    assert parents(project, two) == [one]
    assert databranch.tip(project) == two
    assert newest(project) == "third"
    assert git(project.root, "rev-parse", "HEAD") == start
    assert (project.root / DATA_FILE).read_text() == "first"
    assert git(project.root, "status", "--porcelain").split() == ["M", f"{prefix(project)}params.yaml"]


def prefix(project: Project) -> str:
    return git(project.root, "rev-parse", "--show-prefix")


def test_branch_holds_data_and_nothing_of_what_people_work_on(project):
    start = git(project.root, "rev-parse", "HEAD")
    git(project.root, "switch", "--quiet", "--create", "feature")
    write(project.root, feature_py="unfinished")
    tip = advance(project, "second")
    assert parents(project, tip) == [start]
    assert git(project.root, "diff", "--name-only", start, tip) == f"{prefix(project)}{DATA_FILE}"


def test_branch_merges_without_conflict_into_what_went_on(project):
    advance(project, "second")
    write(project.root, params_yaml="seed: 1\n")
    assert newest(project) == "second"
    git(project.root, "merge", "--quiet", "--no-edit", BRANCH)
    assert data_of(project, "HEAD") == "second"
    assert newest(project) == "second"
    advance(project, "third")
    assert newest(project) == "third"


def test_data_that_was_replaced_later_counts_and_the_branch_goes_on_from_it(project):
    advance(project, "second")
    git(project.root, "merge", "--quiet", BRANCH)
    replaced = write(project.root, data_dvc="another set")
    before = databranch.tip(project)
    assert newest(project) == "another set"
    tip = advance(project, "another set and more")
    assert parents(project, tip) == [replaced]
    assert git(project.root, "merge-base", before, tip) == before
    assert newest(project) == "another set and more"


def test_data_that_moved_on_both_sides_is_refused_in_a_sentence(project):
    advance(project, "second")
    write(project.root, data_dvc="another set")
    with pytest.raises(HourglassError, match=f"changed both on {BRANCH}.*git merge {BRANCH}"):
        newest(project)


def test_branch_is_not_begun_while_the_data_is_about_to_change(project):
    (project.root / DATA_FILE).write_text("not committed")
    with pytest.raises(HourglassError, match=r"data\.dvc is not committed; commit it"):
        databranch.require_start(project)
    git(project.root, "stash", "--quiet")
    advance(project, "second")
    (project.root / DATA_FILE).write_text("an experiment")
    databranch.require_start(project)


def test_branch_that_somebody_has_checked_out_does_not_move_under_them(project, tmp_path):
    tip = advance(project, "second")
    git(project.root, "worktree", "add", "--quiet", tmp_path / "theirs", BRANCH)
    with pytest.raises(HourglassError, match=f"theirs has {BRANCH} checked out"):
        advance(project, "third")
    assert databranch.tip(project) == tip


def test_branch_that_moved_meanwhile_is_not_overwritten(project, monkeypatch):
    advance(project, "second")
    commit_index = databranch.commit_index

    def slowly(*arguments, **keywords):
        made = commit_index(*arguments, **keywords)
        git(project.root, "branch", "--force", BRANCH, "HEAD")
        return made

    monkeypatch.setattr(databranch, "commit_index", slowly)
    with pytest.raises(HourglassError, match="update-ref"):
        advance(project, "third")
    assert databranch.tip(project) == git(project.root, "rev-parse", "HEAD")


def test_clone_goes_on_where_its_origin_stands(project, tmp_path):
    tip = advance(project, "second")
    top = git(project.root, "rev-parse", "--show-toplevel")
    git(tmp_path, "clone", "--quiet", top, "clone")
    clone = Project.find(tmp_path / "clone" / prefix(project))
    assert newest(clone) == "second"
    assert parents(clone, advance(clone, "third")) == [tip]


def test_project_without_versioned_data_is_refused_in_a_sentence(project):
    git(project.root, "rm", "--quiet", DATA_FILE)
    git(project.root, "commit", "--quiet", "-m", "Drop")
    git(project.root, "checkout", "--quiet", "--orphan", "fresh")
    head = write(project.root, params_yaml="seed: 1\n")
    with pytest.raises(HourglassError, match=r"data\.dvc is not in the commit"):
        databranch.newest(project, head)
