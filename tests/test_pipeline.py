"""DVC's graph, as the project has it."""

import ast
import json
from pathlib import Path
from threading import Timer

import pytest

from hourglass import children, dvc_repo, pipeline
from hourglass.errors import HourglassError
from hourglass.params import load
from hourglass.project import Project

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "hourglass"


@pytest.fixture(scope="module")
def graph():
    return {stage.name: set(stage.upstream) for stage in pipeline.stages(Project(ROOT, ROOT))}


def test_graph_is_the_one_of_the_design(graph):
    for variant in load(ROOT / "params.yaml").variants:
        assert graph[f"train@{variant}"] == {"ingest"}
        assert graph[f"package@{variant}"] == {"ingest", f"train@{variant}"}
        assert graph[f"evaluate@{variant}"] == {"ingest", f"package@{variant}"}
        assert {f"train@{variant}", f"evaluate@{variant}"} <= graph["compare"]
    assert graph["ingest"] == {"data.dvc"}


def test_stages_come_after_those_they_depend_on(graph):
    names = list(graph)
    assert all(names.index(above) < names.index(name) for name, upstream in graph.items() for above in upstream)


#: Modules that decide whether and where a stage works, and what is said of it, not what comes out; with `params`, what
#: is read from params.yaml, which DVC tracks itself.
BESIDE_THE_RESULT = {
    *("errors", "git", "locks", "params", "pipeline", "process", "project", "settings", "unpickling", "wording"),
    *("registry.mirror", "registry.provenance", "registry.store", "registry.tracking"),
    *("stages.guard", "stages.progress"),
}


def imported(path: Path) -> set[Path]:
    """Files of the package that a file imports, its own variants apart."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.ImportFrom):
            continue
        base = path.parent if node.level else SOURCE.parent
        inner = base.joinpath(*(node.module or "").split("."))
        candidates = [inner, *(inner / name.name for name in node.names)]
        found |= {one.with_suffix(".py") for one in candidates if one.with_suffix(".py").is_file()}
        if inner == SOURCE / "models" or (inner == SOURCE and any(name.name == "models" for name in node.names)):
            found.add(SOURCE / "models" / "__init__.py")
    return {one for one in found if one.is_relative_to(SOURCE)}


def closure(path: Path) -> set[Path]:
    found: set[Path] = set()
    todo = [path]
    while todo:
        one = todo.pop()
        name = ".".join(one.relative_to(SOURCE).with_suffix("").parts)
        if one not in found and name not in BESIDE_THE_RESULT:
            found.add(one)
            todo += imported(one)
    return found


@pytest.mark.parametrize("stage", ["ingest", "train@vae", "package@vae", "evaluate@vae", "compare"])
def test_every_module_that_a_stage_imports_is_in_the_graph(stage):
    (node,) = [node for node in _dvc_stages() if node.addressing == stage]
    deps = [ROOT / dep.def_path for dep in node.deps]
    needed = closure(SOURCE / "stages" / f"{stage.partition('@')[0]}.py")
    assert len(needed) > 3
    assert not {
        path.relative_to(ROOT).as_posix() for path in needed if not any(path.is_relative_to(dep) for dep in deps)
    }


def test_failing_command_gives_what_the_stage_said(tmp_path, monkeypatch):
    project = _project(tmp_path, "sh -c 'echo \"hourglass: give more rows.\" >&2; exit 1'")
    with pytest.raises(HourglassError, match=r"^give more rows\.$"):
        pipeline.reproduce(project, "only", lambda line: None)


def test_command_that_says_nothing_was_interrupted(tmp_path):
    project = _project(tmp_path, "sh -c 'kill -9 $$'")
    with pytest.raises(children.CommandInterruptedError, match="failed to reproduce 'only'"):
        pipeline.reproduce(project, "only", lambda line: None)


def test_failing_program_is_no_interruption_and_its_last_words_are_told(tmp_path):
    project = _project(tmp_path, "echo 'ValueError: no such thing' >&2; exit 3")
    with pytest.raises(HourglassError, match="ValueError: no such thing") as failed:
        pipeline.reproduce(project, "only", lambda line: None)
    assert not isinstance(failed.value, children.CommandInterruptedError)


def test_nodes_are_named_alike_wherever_the_process_stands(tmp_path, monkeypatch, graph):
    monkeypatch.chdir(tmp_path)
    assert {stage.name for stage in pipeline.stages(Project(ROOT, ROOT))} == set(graph)


def test_lines_of_a_stage_are_passed_on(tmp_path):
    lines = []
    project = _project(tmp_path, "echo hello > out; echo epoch 1")
    assert pipeline.reproduce(project, "only", lines.append)
    assert "epoch 1" in lines
    assert not any("git add" in line or "dvc push" in line for line in lines)


def test_restored_stage_did_not_run(tmp_path):
    project = _project(tmp_path, "echo hello > out", deps="[params.yaml]")
    (tmp_path / "params.yaml").write_text("seed: 0")
    assert pipeline.reproduce(project, "only", lambda line: None)
    (tmp_path / "out").unlink()
    assert not pipeline.reproduce(project, "only", lambda line: None)
    assert (tmp_path / "out").read_text() == "hello\n"


def test_dvc_is_asked_again_while_its_lock_is_being_written(tmp_path):
    project = _project(tmp_path, "echo hello > out")
    pipeline.reproduce(project, "only", lambda line: None)
    whole = project.lock_file.read_text()
    project.lock_file.write_text("")
    Timer(0.7, project.lock_file.write_text, [whole]).start()
    assert not pipeline.changed(project, "only")


def _dvc_stages():
    from dvc.repo import Repo

    with Repo(str(ROOT)) as repo:
        return list(repo.index.stages)


def _project(root, cmd, deps="[]"):
    (root / "dvc.yaml").write_text(f"stages:\n  only:\n    cmd: {json.dumps(cmd)}\n    outs: [out]\n    deps: {deps}\n")
    project = Project(root, root)
    dvc_repo.run(project, ["init", "--no-scm", "--quiet"])
    return project
