"""The benchmark of detection divides rows as it says, goes on where it was stopped, and sums up in pairs."""

import json
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Import a module of the benchmark as its command does."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    for name in ("labelled", "detectors", "detection_result", "anomaly", "workloads"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return import_module


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two tables whose anomalies lie apart."""
    draw = np.random.default_rng(0)
    for name, rows in (("first", 80), ("second", 120)):
        y = (np.arange(rows) % 10 == 0).astype(np.uint8)
        np.savez(tmp_path / f"{name}.npz", X=draw.normal(size=(rows, 3)) + 4 * y[:, None], y=y)
    return tmp_path


def test_half_of_the_normal_rows_train_and_all_else_is_judged(benchmark: Any, folder: Path) -> None:
    task = benchmark("labelled").Task.of_table(folder / "first.npz", 1000)
    train, judged = task.split(0, contaminated=False)
    assert len(train) == 36
    assert not task.anomaly[train].any()
    assert np.array_equal(np.sort(np.concatenate([train, judged])), np.arange(80))
    assert not np.array_equal(np.sort(train), np.sort(task.split(1, contaminated=False)[0]))


def test_contaminated_seventy_percent_of_both_kinds_train(benchmark: Any, folder: Path) -> None:
    task = benchmark("labelled").Task.of_table(folder / "first.npz", 1000)
    train, judged = task.split(0, contaminated=True)
    assert (task.anomaly[train].sum(), len(train)) == (6, 56)
    assert np.array_equal(np.sort(np.concatenate([train, judged])), np.arange(80))


def test_of_a_large_table_as_many_of_each_kind_are_taken(benchmark: Any, folder: Path) -> None:
    task = benchmark("labelled").Task.of_table(folder / "second.npz", 60)
    assert (len(task.x), task.anomaly.sum()) == (60, 6)


def test_a_digit_is_normal_and_the_others_are_not(benchmark: Any, tmp_path: Path) -> None:
    np.savez(tmp_path / "digits.npz", x=np.zeros((20, 4, 4), np.uint8), y=np.arange(20) % 10)
    found = benchmark("labelled").tasks(tmp_path / "digits.npz", 100, digits=True)
    assert [task.name for task in found] == [f"digit {digit}" for digit in range(10)]
    assert all((~task.anomaly).sum() == 2 for task in found)


def test_what_is_measured_is_not_measured_again_and_a_torn_line_is(benchmark: Any, tmp_path: Path) -> None:
    anomaly, setting = benchmark("anomaly"), {"contaminated": False, "rows": 9, "digits": False}
    path = tmp_path / "runs.jsonl"
    anomaly.Runs(path, setting).add({"task": "a", "seed": 0, "detector": "ours", "auroc": 1.0, "ap": 1.0})
    with path.open("a") as file:
        file.write('{"task": "a", "se')
    runs = anomaly.Runs(path, setting)
    left = anomaly.units(["a"], 2, ("ours",), runs)
    assert [unit["seed"] for unit in left] == [1]
    runs.add(left[0] | {"auroc": 0.5, "ap": 0.5})
    assert [json.loads(line)["seed"] for line in path.read_text().splitlines()] == [0, 1]
    assert len(anomaly.units(["a"], 2, ("ours",), anomaly.Runs(path, setting | {"contaminated": True}))) == 2


def run_of(task: str, detector: str, *aurocs: float) -> list[dict[str, Any]]:
    return [
        {"task": task, "seed": seed, "detector": detector, "auroc": auroc, "ap": auroc / 2}
        for seed, auroc in enumerate(aurocs)
    ]


def test_detectors_are_held_against_ours_table_by_table(benchmark: Any, tmp_path: Path) -> None:
    runs = [
        *run_of("a", "ours", 0.8, 1.0),
        *run_of("b", "ours", 0.6),
        *run_of("c", "ours", 0.7),
        *run_of("a", "KNN", 0.7, 0.9),
        *run_of("b", "KNN", 0.7),
        {"task": "c", "seed": 0, "detector": "KNN", "failed": "ValueError: no"},
    ]
    found = benchmark("detection_result").summarise(runs, "ours")
    assert found["detectors"]["ours"]["auroc"] == pytest.approx((0.9 + 0.6 + 0.7) / 3)
    less = found["detectors"]["KNN"]["ours_less"]
    assert less["auroc"] == pytest.approx([0.0, -0.1, 0.1])
    assert (less["ahead"], less["tasks"], less["behind_on"]) == (1, 2, ["b"])
    assert found["failed"] == [{"task": "c", "seed": 0, "detector": "KNN", "failed": "ValueError: no"}]
    benchmark("detection_result").draw(found, tmp_path / "picture.svg")
    assert "Average precision" in (tmp_path / "picture.svg").read_text()


def test_the_command_measures_ours_beside_the_memory(
    benchmark: Any, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    anomaly: ModuleType = benchmark("anomaly")

    def quick(*, contaminated: bool) -> Any:
        return anomaly.memory_without_net(contaminated=contaminated)

    monkeypatch.setattr(anomaly, "ours", quick)
    monkeypatch.setattr(sys, "argv", ["anomaly.py", str(folder), "--seeds", "1", "--out", str(tmp_path / "found.json")])
    anomaly.main()
    found = json.loads((tmp_path / "found.json").read_text())
    assert list(found["detectors"]) == ["ours", "memory without net"]
    assert found["detectors"]["ours"]["auroc"] > 0.95
    assert (tmp_path / "found.svg").is_file()
    capsys.readouterr()
    anomaly.main()
    assert "seed 0" not in capsys.readouterr().out


@pytest.mark.long  # a net is trained
def test_ours_is_the_estimator_with_its_defaults(benchmark: Any, folder: Path) -> None:
    task = benchmark("labelled").Task.of_table(folder / "first.npz", 1000)
    found = task.measure(benchmark("anomaly").ours(contaminated=False), 0, contaminated=False)
    assert found["auroc"] > 0.95
