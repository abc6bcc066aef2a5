"""The benchmarks run, and both sides of them train the same nets."""

import json
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
SENSORS = CHECKOUT.parent / "shared/data/sensor"
NAMES = ("vae", "convolutional vae", "table", "vq-vae, batch 128, GPU")


@pytest.fixture
def benchmark(monkeypatch):
    """Import a benchmark as its command does, with few rows to train."""
    monkeypatch.syspath_prepend(str(CHECKOUT / "benchmarks"))
    for name in ("workloads", "training", "plain_side", "growth", "scoring", "serving", "series", "restoration"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    import workloads

    few = {"measured": 1, "warm_steps": 8, "device": "cpu"}
    small = {name: replace(work, rows=4 * work.batch, **few) for name, work in workloads.WORKLOADS.items()}
    monkeypatch.setattr(workloads, "WORKLOADS", small)
    return import_module


@pytest.mark.parametrize("name", NAMES)
def test_both_sides_train_nets_of_the_same_weights(benchmark, name):
    ours, theirs = benchmark("training").net_of(name), benchmark("plain_side").Net(name)
    for part in ("encoder", "decoder"):
        shapes = [sorted(tuple(it.shape) for it in getattr(net, part).parameters()) for net in (ours, theirs)]
        assert shapes[0] == shapes[1]


@pytest.mark.parametrize("name", NAMES)
def test_the_plain_loop_tells_them_too(benchmark, name):
    seconds, held_out = benchmark("plain_side").resident(name)
    assert len(seconds) == 3
    assert held_out > 0


@pytest.mark.parametrize("name", NAMES)
def test_our_side_tells_the_seconds_of_every_epoch_and_the_quality(benchmark, name):
    found = benchmark("training").ours(name)
    assert len(found["seconds"]) == 3  # two of 4 steps that warm up, one that is timed
    assert found["held_out"] > 0


def test_the_vae_takes_the_steps_around_step_2000_that_are_compared(monkeypatch):
    monkeypatch.syspath_prepend(str(CHECKOUT / "benchmarks"))
    monkeypatch.delitem(sys.modules, "workloads", raising=False)
    import workloads

    work = workloads.WORKLOADS["vae"]
    assert work.epochs * work.steps >= 2000 + 2 * work.steps


def test_growth_is_measured_in_memory_and_streamed(benchmark, tmp_path):
    growth = benchmark("growth")
    path = tmp_path / "rows.npy"
    growth.make(path, 60_000)
    for side in growth.SIDES:
        found = growth.train(path, side)
        assert found["seconds"] > 0
    assert found["bytes"] > 3 * found["memory"]


@pytest.mark.long  # two packages are made
def test_scoring_is_timed_beside_the_bare_graph(benchmark, monkeypatch, tmp_path):
    scoring = benchmark("scoring")
    for name, count in {"ROWS": 60_000, "FITTED": 500, "SINGLE": 300, "PASSES": 1}.items():
        monkeypatch.setattr(scoring, name, count)
    scoring.packages(tmp_path)
    for side in (*(scoring.ours(name, tmp_path) for name in scoring.OURS), scoring.bare(tmp_path)):
        found = scoring.timed(side)
        assert found["seconds"][0] > 0
        assert 0 < found["p50"] <= found["p99"]


@pytest.mark.long  # nets are trained
@pytest.mark.skipif(not SENSORS.is_dir(), reason="needs the readings in ../shared/data/sensor")
def test_anomalies_of_sensors_are_found_better_than_by_a_plain_error_and_by_pca(benchmark):
    series = benchmark("series")
    name = "ambient_temperature_system_failure.csv"
    labels = json.loads((SENSORS / series.LABELS).read_text())
    one = series.Series.read(SENSORS, name, labels[name])
    windows = one.cut.windows[..., 0]
    fitted = one.fitted("prefix")
    assert not one.anomaly[one.cut.starts[fitted][-1] + series.WINDOW - 1]
    found = {
        side: one.measure(score(windows), "prefix")
        for side, score in series.sides(windows[fitted], 0, contaminated=False)
    }
    assert found["ours"]["vus_pr"] > max(found["plain"]["vus_pr"], found["pca"]["vus_pr"])


@pytest.mark.services
@pytest.mark.slow
def test_waits_of_every_side_are_measured_and_written_to_the_page(benchmark, monkeypatch, tmp_path):
    scoring, serving = benchmark("scoring"), benchmark("serving")
    monkeypatch.setattr(scoring, "FITTED", 500)
    monkeypatch.setattr(serving, "CALLS", 60)
    serving.prepare(tmp_path)
    waits = {side: serving.latencies(side, tmp_path) for side in serving.SIDES}
    for of in waits.values():
        for wait in of.values():
            assert 0 < wait["p50"] <= wait["p99"]
    loads = {what: [serving.loading(what, tmp_path)] for what in serving.LOADS}
    assert all(seconds > 0 for (seconds,) in loads.values())
    rounds = {
        side: {rows: {key: [value] for key, value in wait.items()} for rows, wait in of.items()}
        for side, of in waits.items()
    }
    about = {"machine": "x86_64", "cores": 2, "python": "3.11", "command": "python serving.py"}
    lines = list(
        benchmark("page").SECTIONS["serving"]({"about": about, "loads": loads, "waits": rounds, "asked": serving.ASKED})
    )
    assert sum(line.startswith("| http |") for line in lines) == len(serving.BATCHES)


@pytest.mark.long
@pytest.mark.skipif(not (CHECKOUT.parent / "shared/data").is_dir(), reason="needs the data sets in ../shared/data")
@pytest.mark.parametrize("name", ["digits, sigma 0.3", "speech, babble"])
def test_a_denoiser_stands_beside_filters_on_the_same_noise(benchmark, monkeypatch, tmp_path, name):
    restoration = benchmark("restoration")
    digits, recordings = restoration.digits, restoration.recordings
    monkeypatch.setattr(restoration, "digits", lambda: [part[:50] for part in digits()])
    monkeypatch.setattr(restoration, "recordings", lambda takes: recordings(takes)[:5])
    case = restoration.CASES[name]
    small = replace(case, settings=case.settings | {"hidden": [8]}, train=replace(case.train, epochs=1))
    monkeypatch.setitem(restoration.CASES, name, small)
    arguments = [
        "",
        "--case",
        name,
        "--draws",
        "2",
        "--weights",
        tmp_path / "weights",
        "--out",
        tmp_path / "found.json",
    ]
    monkeypatch.setattr(sys, "argv", [str(argument) for argument in arguments])
    found = []
    for _ in range(2):  # the second time with the weights of the first
        restoration.main()
        found.append(json.loads((tmp_path / "found.json").read_text()))
    assert found[0] == found[1]
    sides = found[0]["cases"][name]["sides"]
    measure = "psnr" if case.asked.get("psnr") else "gain"
    assert all(len(of[measure]) == 2 for of in sides.values())
    rival = "non-local means" if measure == "psnr" else "oracle mask, told speech and noise"
    assert min(sides[rival][measure]) > max(sides["noisy"][measure]) + 3
    assert any(name in line and "ours" in line for line in benchmark("page").SECTIONS["restoration"](found[0]))
