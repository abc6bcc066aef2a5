"""A worktree is a checkout of its own: it shares what it should, touches nothing else, and leaves nothing behind."""

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from hourglass.errors import HourglassError
from hourglass.project import Project
from hourglass.worktrees import worktree
from tests.repository import git

pytestmark = pytest.mark.usefixtures("no_override")


def make_project(root: Path) -> Project:
    (root / ".dvc").mkdir(parents=True)
    (root / ".dvc" / "config").write_text("[core]\n    analytics = false\n")
    (root / ".dvc" / ".gitignore").write_text("/config.local\n/tmp\n/cache\n")
    (root / ".gitignore").write_text("/data\n/work/\n/.hourglass/\n")
    (root / "params.yaml").write_text("seed: 0\n")
    (root / "dvc.yaml").write_text("stages: {}\n")
    return Project.find(root)


def commit(root: Path) -> str:
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--allow-empty", "-m", "Change")
    return git(root, "rev-parse", "HEAD")


@pytest.fixture
def project(tmp_path) -> Project:
    git(tmp_path, "init", "--quiet", "checkout")
    project = make_project(tmp_path / "checkout")
    commit(project.root)
    return project


@pytest.fixture
def plain(tmp_path) -> Project:
    """A project without git."""
    return make_project(tmp_path / "unpacked")


def places(project: Project) -> list[str]:
    return sorted(path.name for path in (project.state / "worktrees").glob("*"))


def test_worktree_is_a_detached_checkout_with_the_home_of_the_main_one(project):
    with worktree(project) as apart:
        assert apart.root != project.root
        assert apart == Project.find(apart.root)
        assert apart.home == project.home
        assert git(apart.root, "rev-parse", "HEAD") == git(project.root, "rev-parse", "HEAD")
        assert git(apart.root, "branch", "--show-current") == ""


def test_it_holds_the_commit_and_not_what_the_user_is_about_to_change(project):
    first = git(project.root, "rev-parse", "HEAD")
    project.params_file.write_text("seed: 1\n")
    second = commit(project.root)
    project.params_file.write_text("seed: 2\n")
    for revision, text in {first: "seed: 0\n", second: "seed: 1\n", "HEAD": "seed: 1\n"}.items():
        with worktree(project, revision) as apart:
            assert apart.params_file.read_text() == text
    assert project.params_file.read_text() == "seed: 2\n"


def test_project_below_the_top_of_a_repository_keeps_its_place(tmp_path):
    git(tmp_path, "init", "--quiet", "mono")
    project = make_project(tmp_path / "mono" / "ml" / "hourglass")
    commit(project.root)
    with worktree(project) as apart:
        assert apart.root.parts[-2:] == ("ml", "hourglass")
        assert Project.find(apart.root) == apart
        assert apart.home == project.root


def test_nothing_is_left_behind(project):
    with worktree(project) as apart:
        (apart.root / "work").mkdir()
        assert places(project) == ["1"]
    assert places(project) == []
    assert len(git(project.root, "worktree", "list").splitlines()) == 1
    assert git(project.root, "status", "--porcelain") == ""


def test_nothing_is_left_behind_after_an_error(project):
    with pytest.raises(ZeroDivisionError), worktree(project):
        _ = 1 / 0
    assert places(project) == []


def test_worktrees_at_once_lie_apart(project):
    with worktree(project) as one, worktree(project) as other:
        assert one.root != other.root
        assert places(project) == ["1", "2"]


def test_what_a_killed_holder_left_is_removed_by_the_next(project):
    code = f"""
        import os, signal
        from pathlib import Path
        from hourglass.project import Project
        from hourglass.worktrees import worktree
        with worktree(Project.find(Path({str(project.root)!r}))) as apart:
            (apart.root / "half").write_text("done")
            os.kill(os.getpid(), signal.SIGKILL)
    """
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert places(project) == ["1"]
    with worktree(project) as apart:
        assert apart.root.name == "1"
        assert not (apart.root / "half").exists()
    assert places(project) == []
    assert len(git(project.root, "worktree", "list").splitlines()) == 1


def test_folder_that_somebody_deleted_is_no_obstacle(project):
    with worktree(project) as apart:
        git(apart.root, "rm", "-rfq", ".")
        subprocess.run(["rm", "-rf", str(apart.root)], check=True)
        with worktree(project) as other:
            assert other.params_file.exists()
    with worktree(project) as apart:
        assert apart.params_file.exists()


def test_hooks_of_the_user_do_not_run(project):
    hook = project.root / ".git" / "hooks" / "post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch '{project.root}/hooked'\n")
    hook.chmod(0o755)
    with worktree(project):
        assert not (project.root / "hooked").exists()


def test_git_called_from_a_hook_asks_the_right_repository(project, monkeypatch, tmp_path):
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other"))
    with worktree(project) as apart:
        assert apart.params_file.exists()


def dvc_config(project: Project):
    from dvc.config import Config

    return Config(dvc_dir=str(project.root / ".dvc"))


@pytest.mark.parametrize("kind", ["project", "plain"])
def test_cache_is_shared(kind, request):
    project = request.getfixturevalue(kind)
    with worktree(project) as apart:
        assert dvc_config(apart)["cache"]["dir"] == str(project.root / ".dvc" / "cache")


def test_cache_that_lies_elsewhere_is_shared_too(project, tmp_path):
    (project.root / ".dvc" / "config.local").write_text("[cache]\n    dir = ../../the cache\n")
    with worktree(project) as apart:
        assert dvc_config(apart)["cache"]["dir"] == str(tmp_path / "the cache")


@pytest.mark.parametrize("file", ["config", "config.local"])
def test_remotes_lead_to_where_they_lead_from_the_main_checkout(project, tmp_path, file):
    settings = "[core]\n    remote = store\n['remote \"store\"']\n    url = ../../store\n    verify = true\n"
    (project.root / ".dvc" / file).write_text(settings)
    commit(project.root)
    with worktree(project) as apart:
        config = dvc_config(apart)
        assert config["core"]["remote"] == "store"
        assert config["remote"]["store"]["url"] == str(tmp_path / "store")
        assert config["remote"]["store"]["verify"]
        assert (apart.root / ".dvc" / "config.local").stat().st_mode & 0o077 == 0
        assert git(apart.root, "status", "--porcelain") == ""


def test_without_git_it_is_a_copy_without_data_and_results(plain):
    for name in ("data/raw", "work/train", "mlruns", ".venv", ".hourglass/locks", ".dvc/cache", ".dvc/tmp", "src"):
        (plain.root / name).mkdir(parents=True)
        (plain.root / name / "file").write_text("")
    with worktree(plain) as apart:
        held = {path.relative_to(apart.root).as_posix() for path in apart.root.rglob("*") if path.is_file()}
        assert held == {
            ".dvc/.gitignore",
            ".dvc/config",
            ".dvc/config.local",
            ".gitignore",
            "dvc.yaml",
            "params.yaml",
            "src/file",
        }
        assert Project.find(apart.root) == apart
        assert apart.home == plain.root
        assert dvc_config(apart)["core"]["no_scm"]
    assert places(plain) == []


def test_without_git_there_is_no_commit_to_go_back_to(plain):
    with pytest.raises(HourglassError, match=r"no git repository.*abc123"), worktree(plain, "abc123"):
        pass


def test_unknown_commit_is_refused_in_a_sentence(project):
    with pytest.raises(HourglassError, match="has no commit 'abc123'"), worktree(project, "abc123"):
        pass
    assert places(project) == []


def test_repository_without_a_commit_is_refused_in_a_sentence(tmp_path):
    git(tmp_path, "init", "--quiet", "checkout")
    project = make_project(tmp_path / "checkout")
    with pytest.raises(HourglassError, match="has no commit 'HEAD'"), worktree(project):
        pass


def test_project_that_is_not_in_git_is_refused_in_a_sentence(tmp_path):
    git(tmp_path, "init", "--quiet", "outer")
    git(tmp_path / "outer", "commit", "--quiet", "--allow-empty", "-m", "Start")
    project = make_project(tmp_path / "outer" / "unpacked")
    with pytest.raises(HourglassError, match="not in the commit HEAD; add it to git"), worktree(project):
        pass
    assert places(project) == []


def test_missing_git_is_named(project, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HourglassError, match="install git"), worktree(project):
        pass


def test_home_elsewhere_holds_the_worktrees(project, tmp_path, monkeypatch):
    monkeypatch.setenv("HOURGLASS_HOME", str(tmp_path / "state"))
    elsewhere = Project.find(project.root)
    with worktree(elsewhere) as apart:
        assert apart.root.is_relative_to(tmp_path / "state")
        assert dvc_config(apart)["cache"]["dir"] == str(project.root / ".dvc" / "cache")
    assert places(elsewhere) == []
