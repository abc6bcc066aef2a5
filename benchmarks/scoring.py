"""How fast a package scores rows, against the bare graph and PyOD, on one core.

``python benchmarks/scoring.py --peers PYTHON [--rounds 5] [--out FILE.json]``. PyOD lives in an environment of its own:
``python -m venv peers; peers/bin/pip install torch==2.13.0 pyod==3.6.7 scikit-learn``. Without ``--peers`` ours stands
beside the bare graph alone.

An autoencoder 30-64-16 with ReLU judges 1,000,000 rows of 30 numbers by its squared error, as PyOD's does, and then
single rows; *memory* is the same net under the default score. Ours is `Model.score`, of arrays of
float64 and float32 and of a table; it gives a frame of scores, p-values and verdicts. One row is judged by
`Model.anomaly_score`. *bare* is the same ONNX graph in onnxruntime on rows that are in the net's units already, in the
blocks that suit it best. PyOD's AutoEncoder is fitted in batches of 512, which its `decision_function` takes, too; all
else is as usual. Every side has a process of its own, round by round in turn; a million rows are measured in seconds of
the processor, single rows by the clock.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from workloads import on_one_core, table

ROWS, COLUMNS, FITTED, SINGLE, PASSES = 1_000_000, 30, 20_000, 2_000, 3
HIDDEN, LATENT = 64, 16
#: What other sides' time must be in times of ours.
ASKED = {"pyod": 20.0, "bare": 0.5}
#: Microseconds of ours for a row, in the median, and what PyOD's time must be in times of it.
ASKED_OF_ONE = {"p50": 25.0, "pyod": 20.0}
OURS = ("float64", "float32", "table")

#: What scores many rows, the rows, what scores one, and single rows.
Side = tuple[Callable[[Any], Any], Any, Callable[[Any], Any], list[Any]]


def packages(folder: Path) -> None:
    """Train and save a model of arrays, and one of a table."""
    import pandas as pd

    import hourglass

    rows = table(FITTED)
    named = pd.DataFrame(rows, columns=_names())
    for name, given, scoring in (("array", rows, "mse"), ("table", named, "mse"), ("memory", rows, "memory")):
        settings = {"hidden": [HIDDEN], "activation": "relu"}
        net = {"latent": LATENT, "settings": settings, "epochs": 1, "device": "cpu"}
        hourglass.Autoencoder("autoencoder", scoring=scoring, **net).fit(given).save(folder / name)


def ours(name: str, folder: Path) -> Side:
    """Score by the package."""
    import pandas as pd

    import hourglass

    model = hourglass.load(str(folder / (name if name in {"table", "memory"} else "array")))
    rows: Any = _rows().astype(np.float32 if name == "float32" else np.float64)
    rows = pd.DataFrame(rows, columns=_names()) if name == "table" else rows
    return model.score, rows, model.anomaly_score, [rows[at : at + 1] for at in range(SINGLE)]


def bare(folder: Path) -> Side:
    """Run the graph alone."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(folder / "array" / "reconstruct.onnx", options)
    rows = _rows().astype(np.float32)

    def run(x: np.ndarray) -> None:
        session.run(None, {"x": x})

    def in_blocks(x: np.ndarray) -> None:
        for start in range(0, len(x), 1024):
            run(x[start : start + 1024])

    return in_blocks, rows, run, [rows[at : at + 1] for at in range(SINGLE)]


def pyod() -> Side:
    """Fit PyOD's AutoEncoder and take its decision function."""
    import torch
    from pyod.models.auto_encoder import AutoEncoder

    model = AutoEncoder(
        hidden_neuron_list=[HIDDEN, LATENT], epoch_num=1, batch_size=512, verbose=0, device=torch.device("cpu")
    )
    model.fit(table(FITTED).astype(np.float64))
    rows = _rows()
    return model.decision_function, rows, model.decision_function, [rows[at : at + 1] for at in range(SINGLE)]


def timed(side: Side) -> dict[str, Any]:
    """Give the seconds of some passes over all rows, and of single rows the median and the 99th of a hundred, in us."""
    many, rows, one, single = side
    many(rows[:50_000])
    seconds = []
    for _ in range(PASSES):
        start = time.process_time()
        many(rows)
        seconds.append(time.process_time() - start)
    for row in single[:200]:
        one(row)
    waits = []
    for row in single:
        start = time.perf_counter()
        one(row)
        waits.append(1e6 * (time.perf_counter() - start))
    return {"seconds": seconds, "p50": float(np.median(waits)), "p99": float(np.quantile(waits, 0.99))}


def measure(side: str, folder: Path, peers: str | None) -> dict[str, Any]:
    """Run one side in a process of its own."""
    python = str(peers) if side == "pyod" else sys.executable
    command = [python, __file__, "--side", side, "--packages", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{side}:\n{done.stderr}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def compare(rounds: int, peers: str | None) -> dict[str, Any]:
    """Run all sides in turn; a side's time in a round is the median of its passes."""
    sides = (*OURS, "memory", "bare", *(["pyod"] if peers else []))
    found: dict[str, dict[str, list[float]]] = {side: {"seconds": [], "p50": [], "p99": []} for side in sides}
    with tempfile.TemporaryDirectory() as folder:
        packages(Path(folder))
        for _ in range(rounds):
            for side in sides:
                measured = measure(side, Path(folder), peers)
                for key, values in found[side].items():
                    values.append(median(measured[key]) if key == "seconds" else measured[key])
    for side in sides:
        seconds, p50, p99 = (median(found[side][key]) for key in ("seconds", "p50", "p99"))
        print(f"{side:>8} {seconds:7.3f} s for {ROWS:,} rows; one row: p50 {p50:6.1f} us, p99 {p99:6.1f} us")
    ratios = {own: {side: _ratios(found, own, side, "seconds") for side in sides[len(OURS) :]} for own in OURS}
    of_one = {own: {side: _ratios(found, own, side, "p50") for side in sides[len(OURS) :]} for own in OURS}
    for title, both, asked in (("all rows", ratios, ASKED), ("one row", of_one, ASKED_OF_ONE)):
        for own in OURS:
            for side, values in both[own].items():
                wanted = f", asked {asked[side]}" if side in asked else ""
                print(
                    f"{title}, {own}: {side} takes {median(values):.2f} times as long "
                    f"({min(values):.2f} to {max(values):.2f}){wanted}"
                )
    work = {"rows": ROWS, "columns": COLUMNS, "hidden": HIDDEN, "latent": LATENT}
    asked = {"all_rows": ASKED, "one_row": ASKED_OF_ONE}
    return {"work": work, "sides": found, "ratios": {"all_rows": ratios, "one_row": of_one}, "asked": asked}


def _ratios(found: dict[str, dict[str, list[float]]], own: str, side: str, key: str) -> list[float]:
    return [theirs / mine for mine, theirs in zip(found[own][key], found[side][key], strict=True)]


def _rows() -> np.ndarray:
    return table(ROWS).astype(np.float64)


def _names() -> list[str]:
    return [f"c{number}" for number in range(COLUMNS)]


def main() -> None:
    """Measure all sides, or one as a child."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", help="Python of an environment with PyOD")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--packages", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.side:
        on_one_core()
        sides = {"bare": lambda: bare(asked.packages), "pyod": pyod}
        print(json.dumps(timed(sides.get(asked.side, lambda: ours(asked.side, asked.packages))())))
        return
    found = compare(asked.rounds, asked.peers)
    if asked.out:
        from training import about

        asked.out.write_text(json.dumps({"about": about()} | found, indent=2) + "\n")


if __name__ == "__main__":
    main()
