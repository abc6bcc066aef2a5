import subprocess

import pytest

from hourglass.errors import HourglassError
from hourglass.project import Project

pytestmark = pytest.mark.usefixtures("no_override")


def make_project(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("params.yaml", "dvc.yaml"):
        (folder / name).write_text("")
    return folder


def git(folder, *arguments):
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def root(tmp_path):
    return make_project(tmp_path / "checkout").resolve()


@pytest.mark.parametrize("place", [".", "src", "work/train/vae"])
def test_a_project_is_found_from_any_of_its_folders(root, place):
    (root / place).mkdir(parents=True, exist_ok=True)
    assert Project.find(root / place) == Project(root, home=root)


def test_the_search_starts_at_the_working_directory(root, monkeypatch):
    monkeypatch.chdir(root)
    assert Project.find().root == root


@pytest.mark.parametrize("missing", ["params.yaml", "dvc.yaml"])
def test_a_folder_in_no_project_is_refused_in_a_sentence(root, missing):
    (root / missing).unlink()
    with pytest.raises(HourglassError, match=r"checkout is in no Hourglass project.*params\.yaml and dvc\.yaml"):
        Project.find(root)


def test_the_innermost_project_counts(root):
    inner = make_project(root / "examples" / "inner")
    assert Project.find(inner).root == inner


def test_the_checkout_is_the_home_of_its_own_state(root):
    git(root, "init")
    assert Project.find(root).home == root


@pytest.fixture
def repository(root):
    git(root, "init")
    git(root, "add", ".")
    git(root, "commit", "-m", "Start")
    return root


def test_a_worktree_shares_the_home_of_the_main_checkout(repository, tmp_path):
    git(repository, "worktree", "add", "--detach", tmp_path / "linked")
    project = Project.find(tmp_path / "linked")
    assert project.root == (tmp_path / "linked").resolve()
    assert project.home == repository
    assert project.mlruns == repository / "mlruns"
    assert project.state == repository / ".hourglass"


def test_a_worktree_of_a_worktree_shares_that_home_too(repository, tmp_path):
    git(repository, "worktree", "add", "--detach", tmp_path / "linked")
    git(tmp_path / "linked", "worktree", "add", "--detach", tmp_path / "again")
    assert Project.find(tmp_path / "again").home == repository


def test_a_project_below_the_top_of_a_repository_keeps_its_place_in_a_worktree(tmp_path):
    repository = (tmp_path / "mono").resolve()
    make_project(repository / "ml" / "hourglass")
    git(repository, "init")
    git(repository, "add", ".")
    git(repository, "commit", "-m", "Start")
    git(repository, "worktree", "add", "--detach", tmp_path / "linked")
    assert Project.find(tmp_path / "linked" / "ml" / "hourglass").home == repository / "ml" / "hourglass"


def test_a_submodule_is_its_own_home(repository, tmp_path):
    outer = tmp_path / "outer"
    outer.mkdir()
    git(outer, "init")
    git(outer, "-c", "protocol.file.allow=always", "submodule", "add", str(repository), "inner")
    assert Project.find(outer / "inner").home == (outer / "inner").resolve()


def test_a_checkout_with_a_separate_git_directory_is_its_own_home(root, tmp_path):
    git(root, "init", "--separate-git-dir", str(tmp_path / "repository.git"))
    git(root, "add", ".")
    git(root, "commit", "-m", "Start")
    assert Project.find(root).home == root
    git(root, "worktree", "add", "--detach", tmp_path / "linked")
    assert Project.find(tmp_path / "linked").home == (tmp_path / "linked").resolve()


@pytest.mark.parametrize("name", ["bare.git", ".git"])
def test_a_worktree_of_a_bare_repository_is_its_own_home(repository, tmp_path, name):
    git(tmp_path, "clone", "--bare", str(repository), str(tmp_path / "hub" / name))
    git(tmp_path / "hub" / name, "worktree", "add", "--detach", str(tmp_path / "hub" / "linked"))
    assert Project.find(tmp_path / "hub" / "linked").home == (tmp_path / "hub" / "linked").resolve()


@pytest.mark.parametrize("below", [".", "ml/hourglass"])
def test_a_checkout_below_the_shared_state_belongs_to_it(root, below):
    apart = make_project(root / ".hourglass" / "worktrees" / "1" / below)
    assert Project.find(apart) == Project(apart, home=root)


@pytest.mark.parametrize("place", ["tmp1234", "standalone/tmp1234"])
def test_a_temporary_experiment_of_dvc_shares_the_home_of_its_checkout(root, place):
    experiment = make_project(root / ".dvc" / "tmp" / "exps" / place)
    assert Project.find(experiment) == Project(experiment, home=root)


def test_an_environment_variable_sets_the_home(root, tmp_path, monkeypatch):
    monkeypatch.setenv("HOURGLASS_HOME", str(tmp_path / "elsewhere"))
    assert Project.find(root) == Project(root, home=(tmp_path / "elsewhere").resolve())


def test_a_home_may_be_given_from_the_users_own(root, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HOURGLASS_HOME", "~/state")
    assert Project.find(root).home == (tmp_path / "state").resolve()


def test_a_relative_home_is_refused(root, monkeypatch):
    monkeypatch.setenv("HOURGLASS_HOME", "state")
    with pytest.raises(HourglassError, match=r"HOURGLASS_HOME is 'state'.*absolute"):
        Project.find(root)


def test_outputs_of_variants_lie_apart(root):
    project = Project.find(root)
    assert project.output("train", "vae") != project.output("train", "autoencoder")
    assert root in project.output("train", "vae").parents
