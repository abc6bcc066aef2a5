"""How much memory work on growing tables takes, against what `data.memory` allows.

Run it anywhere: ``python benchmarks/memory.py [--sizes 0.1 0.5 2] [--memory 512MiB] [--out FOLDER]``. It makes a
Parquet file of each size (GB of float32, 30 columns), and each step runs in a process of its own: the snapshot is made,
ingested, trained on for one epoch, packaged, and the file is scored. A step's memory is its peak less what it had when
its libraries were imported and had run once, on a file of a few rows. Linux alone tells the peak.
"""

import argparse
import json
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pydantic import ByteSize, TypeAdapter

COLUMNS, HIDDEN = 30, {"latent": 8, "hidden": [64]}
#: Rows of the file on which a step runs before it is measured.
FEW = 2000


def make(path: Path, rows: int) -> None:
    """Write a table: eight factors, the same in every stretch of rows, and noise."""
    import numpy as np
    import pyarrow as pa
    from pyarrow import parquet

    draw = np.random.default_rng(0)
    at_once = min(100_000, rows)
    factors = (draw.normal(size=(at_once, 8)) @ draw.normal(size=(8, COLUMNS))).astype(np.float32)
    names = [f"c{number:02d}" for number in range(COLUMNS)]
    with parquet.ParquetWriter(path, pa.schema([(name, pa.float32()) for name in names]), compression="none") as writer:
        for start in range(0, rows, at_once):
            noise = draw.standard_normal((min(at_once, rows - start), COLUMNS), np.float32)
            x = factors[: len(noise)] + np.float32(0.3) * noise
            writer.write_table(pa.table(dict(zip(names, np.ascontiguousarray(x.T), strict=True))))


def snapshot(place: Path, data: Any) -> None:
    """Make the raw snapshot: copy, check, infer the schema."""
    from hourglass.data import making

    making.build(str(place / "table.parquet"), place / "data", data)


def ingest(place: Path, data: Any) -> None:
    """Split, encode and measure."""
    from hourglass.data import snapshot as snapshots
    from hourglass.data.ingest import ingest as run
    from hourglass.data.params import SplitParams

    (place / "dataset").mkdir()
    run(snapshots.opened(place / "data", data), place / "dataset", data, SplitParams())


def train(place: Path, data: Any) -> None:
    """Train for one epoch."""
    import torch
    from safetensors.torch import save_file

    from hourglass.data.dataset import Dataset
    from hourglass.files import write_json
    from hourglass.stages.inputs import Inputs
    from hourglass.training import devices
    from hourglass.training.loop import fit
    from hourglass.training.settings import TrainSettings

    devices.compute_with(1)
    inputs = Inputs.of(Dataset(place / "dataset"), torch.device("cpu"), data.memory)
    model = inputs.build("autoencoder", HIDDEN, seed=0)
    folder = place / "train"
    folder.mkdir()
    fit(model, inputs.train, inputs.validation, TrainSettings(epochs=1, batch=512), seed=0, folder=folder)
    save_file(model.state_dict(), folder / "weights.safetensors")
    known = {"known": inputs.known, "known_shape": inputs.known_shape, "categories": inputs.categories}
    described = {"variant": "autoencoder", "shape": inputs.shape, "settings": HIDDEN, "seed": 0}
    write_json(folder / "model.json", described | known)


def package(place: Path, data: Any) -> None:
    """Make the package: graphs, threshold, prior."""
    from hourglass.data.dataset import Dataset
    from hourglass.registry.package import package as run
    from hourglass.registry.trained import Trained

    (place / "package").mkdir()
    run(Trained.read(place / "train"), Dataset(place / "dataset"), 0.05, place / "package")


def score(place: Path, data: Any) -> None:
    """Judge every row of the file."""
    from hourglass.runtime import Model
    from hourglass.use.score import score as run

    run(Model(place / "package"), str(place / "table.parquet"), place / "scores.parquet", data)


#: Each step, and what it makes.
STEPS: dict[str, tuple[Callable[[Path, Any], None], str]] = {
    "snapshot": (snapshot, "data"),
    "ingest": (ingest, "dataset"),
    "train": (train, "train"),
    "package": (package, "package"),
    "score": (score, "scores.parquet"),
}


def measure(step: str, few: Path, many: Path, memory: int) -> dict[str, float]:
    """Run a step on a few rows, then on many, and measure what the second run took."""
    from hourglass.data.params import DataParams

    run, made = STEPS[step]
    data = DataParams(memory=ByteSize(memory))
    _remove(few / made)
    run(few, data)
    Path("/proc/self/clear_refs").write_text("5")  # the peak is now what there is
    before, started = _peak(), time.perf_counter()
    run(many, data)
    return {"bytes": _peak() - before, "seconds": round(time.perf_counter() - started, 2)}


def _peak() -> int:
    status = Path("/proc/self/status").read_text()
    return 1024 * int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0])


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def in_process(step: str, few: Path, many: Path, memory: int) -> dict[str, float]:
    """Measure a step in a process of its own."""
    command = [sys.executable, __file__, "--step", step, "--places", str(few), str(many), "--memory", str(memory)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{step}:\n{done.stderr}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def grow(sizes: list[float], memory: int, folder: Path) -> Iterator[dict[str, Any]]:
    """Measure all steps on tables of each size, and show each as it ends."""
    few, again = folder / "few", folder / "again"
    for place in (few, again):
        place.mkdir()
        make(place / "table.parquet", FEW)
    for step in STEPS:
        in_process(step, few, again, memory)
    for size in sizes:
        with tempfile.TemporaryDirectory(dir=folder) as many:
            make(Path(many, "table.parquet"), round(size * 1e9 / (4 * COLUMNS)))
            for step in STEPS:
                row = {"step": step, "gigabytes": size} | in_process(step, few, Path(many), memory)
                print(f"{size:6g} GB {step:>9} {row['bytes'] / 2**20:6.0f} MiB {row['seconds']:8.1f} s", flush=True)
                yield row


def draw(found: list[dict[str, Any]], memory: int, path: Path) -> None:
    """Draw the curve of each step, and what is allowed."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for step in STEPS:
        rows = [row for row in found if row["step"] == step]
        axes.plot([row["gigabytes"] for row in rows], [row["bytes"] / 2**20 for row in rows], marker="o", label=step)
    axes.axhline(memory / 2**20, color="black", linestyle="dashed", label="data.memory")
    axes.set(xscale="log", ylim=(0, None), xlabel="table, GB of float32", ylabel="peak after imports, MiB")
    sizes = sorted({row["gigabytes"] for row in found})
    axes.set_xticks(sizes, [f"{size:g}" for size in sizes])
    axes.set_xticks([], minor=True)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    figure.savefig(path, metadata={"Software": None})


def main() -> None:
    """Measure all steps, or one of them as a child."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=float, nargs="+", default=[0.1, 0.5, 2.0], help="GB")
    parser.add_argument("--memory", default="512MiB", help="data.memory")
    parser.add_argument("--out", type=Path, help="folder for memory.json and memory.png")
    parser.add_argument("--step", choices=list(STEPS), help=argparse.SUPPRESS)
    parser.add_argument("--places", type=Path, nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    memory = int(TypeAdapter(ByteSize).validate_python(asked.memory))
    if asked.step:
        print(json.dumps(measure(asked.step, *asked.places, memory)))
        return
    about = {"machine": platform.processor() or platform.machine(), "python": platform.python_version()}
    about |= {"memory": memory, "columns": COLUMNS, "command": " ".join(["benchmarks/memory.py", *sys.argv[1:]])}
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for row in grow(asked.sizes, memory, Path(folder)):
            found.append(row)
            if asked.out:
                asked.out.mkdir(parents=True, exist_ok=True)
                (asked.out / "memory.json").write_text(json.dumps({"about": about, "steps": found}, indent=2) + "\n")
                draw(found, memory, asked.out / "memory.png")


if __name__ == "__main__":
    main()
