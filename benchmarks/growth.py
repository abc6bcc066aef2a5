"""How the time of a row and the memory grow with the rows: in memory, and streamed through a tenth of what they take.

``python benchmarks/growth.py [--rows 1000 10000 ...] [--rounds 3] [--out FILE.json]``. An autoencoder 30-64-32 trains
for some epochs, batch 512, on one core, of which those after 1,200 steps are timed; each run has a process of its own,
both sides in turn. The rows lie in a ``.npy`` file of float64 that the benchmark makes; the peak is told by Linux
alone, less what was there before the rows.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any

import numpy as np

from training import about
from workloads import WARM_STEPS, on_one_core

COLUMNS, BATCH = 30, 512
SIDES = ("in memory", "streamed")
#: What the streamed side may take: a tenth of the rows as the device holds them, but no less.
_LEAST_MEMORY = 2**20


def make(path: Path, rows: int) -> None:
    """Write rows near a surface of eight dimensions."""
    draw = np.random.default_rng(0)
    weights = draw.normal(size=(8, COLUMNS))
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": (rows, COLUMNS)})
        for start in range(0, rows, 100_000):
            count = min(100_000, rows - start)
            file.write(np.tanh(draw.normal(size=(count, 8)) @ weights).tobytes())


def train(path: Path, side: str) -> dict[str, float]:
    """Train, and give the seconds of an epoch and the bytes at the peak."""
    from hourglass import models
    from hourglass.training import devices
    from hourglass.training.loop import fit
    from hourglass.training.settings import TrainSettings
    from hourglass.training.stream import opened

    devices.configure(TrainSettings())
    model = models.build("autoencoder", (COLUMNS,), {"latent": 32, "hidden": [64], "activation": "relu"}, seed=0)
    on_disk = rows_of(path)
    count, size = on_disk.rows, on_disk.rows * on_disk.row_bytes
    before = _peak()
    memory = 10 * size if side == "in memory" else max(_LEAST_MEMORY, size // 10)
    rows, few = opened(on_disk, memory), opened(replace(on_disk, rows=100), 2**20)
    timed = max(1, 100_000 // count)
    warm = -(-WARM_STEPS // -(-count // BATCH))
    marks = [time.perf_counter()]
    settings = TrainSettings(epochs=warm + timed, batch=BATCH, patience=10**6)

    def note(_: Any) -> None:
        marks.append(time.perf_counter())

    with tempfile.TemporaryDirectory() as folder:
        fit(model, rows, few, settings, seed=0, folder=Path(folder), on_epoch=note)
    seconds = [stop - start for start, stop in pairwise(marks)][-timed:]
    return {"seconds": median(seconds), "peak_bytes": _peak() - before, "bytes": size, "memory": memory}


def rows_of(path: Path) -> Any:
    """Give the rows of a file as training streams them."""
    import torch

    from hourglass.columns import Column
    from hourglass.training.stream import OnDisk

    column = Column([path])
    none = np.empty((0,), np.int64)

    def read(start: int, stop: int) -> Any:
        rows = np.arange(start, stop)
        return SimpleNamespace(x=column.read(start, stop), label=np.full(len(rows), -1), index=rows, condition=none)

    return OnDisk(len(column), (COLUMNS,), 0, read, lambda x: x / 0.7, torch.device("cpu"))


def _peak() -> int:
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    return 1024 * next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))


def main() -> None:
    """Measure all sizes, or one side of one as a child."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="*", default=[1_000, 10_000, 100_000, 1_000_000, 10_000_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        on_one_core()
        print(json.dumps(train(Path(asked.child[0]), asked.child[1])))
        return
    found = []
    with tempfile.TemporaryDirectory() as place:
        for rows in asked.rows:
            path = Path(place) / f"{rows}.npy"
            make(path, rows)
            found.append({"rows": rows} | compare(path, rows, asked.rounds))
            path.unlink()
    if asked.out:
        asked.out.write_text(json.dumps({"about": about(), "columns": COLUMNS, "sizes": found}, indent=2) + "\n")


def compare(path: Path, rows: int, rounds: int) -> dict[str, Any]:
    """Run both sides in turn."""
    runs: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
    for _ in range(rounds):
        for side in SIDES:
            command = [sys.executable, __file__, "--child", str(path), side]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                sys.exit(f"{rows} rows, {side}:\n{done.stderr}")
            runs[side].append(json.loads(done.stdout.splitlines()[-1]))
    for side in SIDES:
        microseconds = median(run["seconds"] for run in runs[side]) / rows * 1e6
        peak = max(run["peak_bytes"] for run in runs[side]) / 2**20
        print(f"{rows:>12,} rows {side:>10} {microseconds:6.2f} us a row, {peak:8,.0f} MiB at the peak", flush=True)
    ratios = [a["seconds"] / b["seconds"] for a, b in zip(runs["in memory"], runs["streamed"], strict=True)]
    print(f"{rows:>12,} rows streamed at {median(ratios):.0%} of the speed in memory", flush=True)
    return {"runs": runs, "streamed_by_in_memory": ratios}


if __name__ == "__main__":
    main()
