"""What a retraining leaves, with a run that writes a dvc.lock instead of training."""

import subprocess
from pathlib import Path

import pytest

from hourglass import children, databranch, retraining
from hourglass.errors import HourglassError
from hourglass.project import Project
from hourglass.registry.provenance import Provenance
from hourglass.retraining import RECORD, retrain_apart

PARAMS = "# every setting\nseed: 0\nvariants: [vae]\nvae: {latent: 8}\n"


def git(folder, *arguments):
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    command = ["git", *identity, *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def project(tmp_path, monkeypatch) -> Project:
    """A project below the top of its repository."""
    project = make_project(tmp_path / "mono" / "hourglass", monkeypatch)
    git(tmp_path, "init", "--quiet", "--initial-branch=main", "mono")
    commit(project)
    return project


@pytest.fixture
def plain(tmp_path, monkeypatch) -> Project:
    """A project without git."""
    return make_project(tmp_path / "unpacked", monkeypatch)


def make_project(root: Path, monkeypatch) -> Project:
    monkeypatch.delenv("HOURGLASS_HOME", raising=False)
    (root / ".dvc").mkdir(parents=True)
    (root / ".dvc" / "config").write_text("")
    (root / ".dvc" / ".gitignore").write_text("/config.local\n/tmp\n/cache\n")
    (root / ".gitignore").write_text("/.hourglass/\n/reports/\n")
    for name, text in {"params.yaml": PARAMS, "dvc.yaml": "", "data.dvc": "first", "dvc.lock": "first, 8"}.items():
        (root / name).write_text(text)
    return Project.find(root)


def commit(project: Project) -> str:
    git(project.root, "add", ".")
    git(project.root, "commit", "--quiet", "--allow-empty", "-m", "Change")
    return head(project)


def head(project: Project) -> str:
    return git(project.root, "rev-parse", "HEAD")


class Run:
    """A run whose dvc.lock depends on the data and the settings, as a real one's does."""

    def __init__(self) -> None:
        self.provenance = Provenance()
        self.environment: dict[str, str] = {}

    def __call__(self, apart, module, arguments, on_line, env):
        assert (module, arguments) == ("hourglass", ["run"])
        self.provenance, self.environment = Provenance.of(apart.root), env
        latent = "4" if "latent: 4" in apart.params_file.read_text() else "8"
        apart.lock_file.write_text(f"{(apart.root / 'data.dvc').read_text()}, {latent}")
        apart.report.parent.mkdir(exist_ok=True)
        apart.report.write_text("a report")
        on_line("0 stages ran.")


@pytest.fixture(autouse=True)
def run(monkeypatch) -> Run:
    run = Run()
    monkeypatch.setattr(children, "run", run)
    return run


def retrain(project: Project, **settings):
    dotted = {name.replace("__", "."): value for name, value in settings.items()}
    return retrain_apart(project, dotted, lambda line: None)


def at(project: Project, revision: str, file: str) -> str:
    return git(project.root, "show", f"{revision}:./{file}")


def add_data(project: Project, text: str) -> str:
    with retraining.worktree(project) as apart:
        databranch.take(apart, databranch.newest(project, head(project)))
        (apart.root / "data.dvc").write_text(text)
        return databranch.advance(project, apart, "Add")


def tags(project: Project) -> list[str]:
    return git(project.root, "tag", "--list").split()


def parents(project: Project, revision: str) -> list[str]:
    return git(project.root, "show", "--no-patch", "--format=%P", revision).split()


def prune(project: Project) -> None:
    git(project.root, "reflog", "expire", "--expire=now", "--all")
    git(project.root, "gc", "--quiet", "--prune=now")


def test_retraining_ends_as_a_commit_and_a_tag(project):
    before = head(project)
    data = add_data(project, "second")
    done = retrain(project, vae__latent=4)
    assert tags(project) == [done.tag] == [f"retrain/{done.id}"]
    assert git(project.root, "rev-parse", done.tag) == done.commit
    assert [at(project, done.tag, file) for file in RECORD] == [
        PARAMS.replace("latent: 8", "latent: 4").strip(),
        "second",
        "second, 4",
    ]
    assert git(project.root, "merge-base", "--is-ancestor", before, done.commit) == ""
    assert git(project.root, "merge-base", "--is-ancestor", data, done.commit) == ""
    assert git(project.root, "log", "-1", "--format=%an", done.commit) == "Hourglass"


def test_checkout_stays_as_it_is(project):
    add_data(project, "second")
    project.params_file.write_text(PARAMS + "anomaly: {alpha: 0.1}\n")
    before = head(project)
    retrain(project)
    assert head(project) == before
    assert git(project.root, "branch", "--show-current") == "main"
    assert git(project.root, "status", "--porcelain").split()[:1] == ["M"]
    assert (project.root / "data.dvc").read_text() == "first"


def test_tag_merges_into_the_branch_that_it_came_from(project):
    add_data(project, "second")
    done = retrain(project)
    git(project.root, "merge", "--quiet", done.tag)
    assert head(project) == done.commit
    assert project.lock_file.read_text() == "second, 8"
    assert retrain(project).tag is None


def test_models_name_a_clean_commit_that_holds_what_they_were_made_from(project, run):
    add_data(project, "second")
    done = retrain(project, vae__latent=4)
    assert run.provenance.dirty == ()
    assert at(project, run.provenance.commit, "data.dvc") == "second"
    assert "latent: 4" in at(project, run.provenance.commit, "params.yaml")
    assert parents(project, done.tag) == [run.provenance.commit]


def test_on_committed_inputs_models_name_that_commit(project, run):
    before = head(project)
    retrain(project)
    assert run.provenance == Provenance(before)


def test_where_nothing_changed_there_is_no_tag(project):
    done = retrain(project)
    assert (done.commit, done.tag, done.report) == (head(project), None, None)
    assert tags(project) == []


def test_same_retraining_again_is_the_same_commit_under_the_same_tag(project):
    add_data(project, "second")
    first = retrain(project)
    again = retrain(project)
    assert (again.commit, again.tag, again.report) == (first.commit, first.tag, None)
    assert tags(project) == [first.tag]


def test_head_may_move_while_it_runs(project, monkeypatch, run):
    add_data(project, "second")
    before = head(project)

    def meanwhile(apart, *arguments):
        project.params_file.write_text(PARAMS.replace("seed: 0", "seed: 1"))
        commit(project)
        run(apart, *arguments)

    monkeypatch.setattr(children, "run", meanwhile)
    done = retrain(project)
    assert git(project.root, "merge-base", head(project), done.commit) == before
    assert "seed: 0" in at(project, done.tag, "params.yaml")


@pytest.mark.parametrize(
    ("setting", "problem"),
    [
        ({"vae__latnt": 4}, r"unknown key 'vae\.latnt'; did you mean 'vae\.latent'"),
        ({"vea__latent": 4}, "unknown key 'vea'; did you mean 'vae'"),
        ({"seed__x": 4}, r"unknown key 'seed\.x'; 'seed' is no section"),
        ({"vae__latent": 0}, r"vae\.latent is 0"),
    ],
)
def test_wrong_setting_is_refused_before_anything_starts(project, run, setting, problem):
    with pytest.raises(HourglassError, match=problem):
        retrain(project, **setting)
    assert run.environment == {}


def test_failed_run_leaves_no_tag_and_no_worktree(project, monkeypatch):
    def fail(*arguments):
        raise HourglassError("give more rows.")

    add_data(project, "second")
    monkeypatch.setattr(children, "run", fail)
    with pytest.raises(HourglassError, match=r"^give more rows\.$"):
        retrain(project)
    assert tags(project) == []
    assert not list((project.state / "worktrees").iterdir())


def test_commit_that_models_name_is_kept_though_the_run_failed_after_it_registered_them(project, monkeypatch, run):
    def fail_in_the_end(*arguments):
        run(*arguments)
        raise HourglassError("the remote is away.")

    with monkeypatch.context() as patched:
        patched.setattr(children, "run", fail_in_the_end)
        with pytest.raises(HourglassError, match="the remote is away"):
            retrain(project, vae__latent=4)
    named = run.provenance.commit
    prune(project)
    assert "latent: 4" in at(project, named, "params.yaml")
    assert parents(project, retrain(project, vae__latent=4).tag) == [named]
    assert git(project.root, "for-each-ref", "refs/hourglass/begun") == ""
    prune(project)
    assert "latent: 4" in at(project, named, "params.yaml")


def test_report_is_kept_beside_that_of_the_checkout(project):
    add_data(project, "second")
    done = retrain(project)
    assert done.report == project.home / "reports" / f"retrain-{done.id}.html"
    assert done.report.read_text() == "a report"
    assert (project.home / "reports" / "retrain.html").exists()


def test_child_shares_the_state_and_runs_the_code_of_its_worktree(project, run):
    retrain(project)
    assert run.environment["HOURGLASS_HOME"] == str(project.home)
    assert run.environment["PYTHONPATH"].startswith(str(project.state / "worktrees"))


def test_without_git_the_record_is_kept_in_a_folder(plain):
    before = {file: (plain.root / file).read_text() for file in RECORD}
    done = retrain(plain, vae__latent=4)
    assert (done.commit, done.tag) == (None, None)
    assert done.folder == plain.state / "retrain" / done.id
    assert (done.folder / "dvc.lock").read_text() == "first, 4"
    assert {file: (plain.root / file).read_text() for file in RECORD} == before
    assert retrain(plain, vae__latent=4).folder == done.folder
    assert retrain(plain).folder is None
