"""How fast the loop trains on a GPU, against others' loops on the same nets, rows, batches and epochs.

``python benchmarks/gpu.py [--peers PYTHON] [--rounds 2] [--out FILE.json]``. Every side trains all workloads in a
process of its own, round by round in turn. *resident* is the plain loop with its rows on the GPU: what is left is what
the capture of steps is worth. Epochs count after the first, in which ours captures its step; what that takes stands
apart. *busy* is the share of the time in which the GPU computes. *published* repeats the run of pythae's own table: a
VQ-VAE, 50,000 images, batch 1,024, 100 epochs; with ``--digits FILE.npz`` (``x`` of shape (60000, 28, 28)) on MNIST.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from training import about, ours, settings_of
from training import net_of as small_net_of
from workloads import ENTRIES, PIECES, WIDTH, WORKLOADS, rows_of

ON_GPU = [name for name, work in WORKLOADS.items() if work.device == "cuda"]
#: Seconds of 100 epochs on a V100, as pythae's page has it; batch 1,024.
PUBLISHED, EPOCHS, BATCH = 235.18, 100, 1024
ASKED = {"busy": 0.9, "published": 20.0}


def sides_of(name: str) -> list[str]:
    """List who can train a workload; PyOD has no convolutional VAE and no VQ-VAE."""
    return ["ours", "resident", "tutorial", "lightning", "pythae", *(["pyod"] if name.startswith("vae") else [])]


def with_profile(name: str) -> dict[str, Any]:
    """Train as `ours` does, and tell what a step is made of."""
    from hourglass.models.shared.batch import Batch
    from hourglass.training import profile, steps
    from hourglass.training.source import Resident

    took: list[float] = []

    class Timed(steps.Capture):
        def __init__(self, *given: Any) -> None:
            started = time.perf_counter()
            super().__init__(*given)
            took.append(time.perf_counter() - started)

    steps.Capture = Timed  # type: ignore[misc]
    found = ours(name)
    profile._WARM, profile._MEASURED = 60, 60
    rows = Batch.of(rows_of(name)[0].to("cuda"))
    model = small_net_of(name).to("cuda")
    rows = rows.with_rows(rows.x.view(-1, *model.shape))
    with tempfile.TemporaryDirectory() as folder:
        of_step = profile.profiled(
            model, Resident(rows), settings_of(name), variant=name, seed=0, trace=Path(folder) / "trace.json"
        )
    parts = {part.name: round(part.microseconds, 1) for part in of_step.parts[:8]}
    step = {"busy": of_step.busy, "refusal": of_step.refusal, "parts": parts}
    return found | {"capture_seconds": took, "step": step}


def published(digits: Path | None, precision: str) -> dict[str, Any]:
    """Train pythae's published VQ-VAE run: its number and width of codes, its batch and epochs, and our nets."""
    import numpy as np
    import torch

    from hourglass import models
    from hourglass.models.shared.batch import Batch
    from hourglass.training import devices
    from hourglass.training.loop import fit, measure
    from hourglass.training.settings import TrainSettings

    if digits:
        with np.load(digits, allow_pickle=False) as file:
            x = torch.from_numpy(file["x"]).float().div(255)[:, None]
    else:
        x = rows_of(ON_GPU[0])[0].view(-1, 1, 28, 28).repeat(2, 1, 1, 1)[:60_000]
    settings = TrainSettings(epochs=EPOCHS, batch=BATCH, patience=EPOCHS, precision=precision)
    devices.configure(settings)
    codes = {"latent": PIECES * WIDTH, "pieces": PIECES, "entries": ENTRIES}
    model = models.build("vq_vae", (1, 28, 28), codes | {"net": "convolutional", "hidden": [64, 128]}, seed=0)
    model = model.to("cuda")
    train, held_out = (Batch.of(part.to("cuda")) for part in (x[:50_000], x[50_000:]))
    torch.cuda.synchronize()
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        fit(model, train, held_out, settings, seed=0, folder=Path(folder), first_course_only=True)
    took = time.perf_counter() - started
    return {
        "seconds": took,
        "precision": precision,
        "published_on_a_v100": PUBLISHED,
        "epochs": EPOCHS,
        "batch": BATCH,
        "parameters": sum(it.numel() for net in (model.encoder, model.decoder) for it in net.parameters()),
        "held_out": measure(model, held_out, seed=0)["reconstruction"] / 784,
        "rows": "MNIST" if digits else "digits of scikit-learn, enlarged",
    }


def run(side: str, works: list[str], peers: str) -> list[dict[str, Any]]:
    """Let one side train workloads, in a process of its own."""
    here = Path(__file__).parent
    own = [sys.executable, str(here / "gpu.py"), "--side", side, "--work", *works]
    other = [peers, str(here / "peers.py"), side, *works]
    done = subprocess.run(own if side == "ours" else other, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        print(f"{side}:\n{done.stderr[-3000:]}", file=sys.stderr)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def compare(works: list[str], rounds: int, peers: str) -> Iterator[dict[str, Any]]:
    """Run all sides in turn, and give what is known after each round; a side's speed is the median of its epochs."""
    found: dict[str, dict[str, Any]] = {name: _facts(name) for name in works}
    sides = dict.fromkeys(side for name in works for side in sides_of(name))
    for number in range(rounds):
        for side in sides:
            print(f"round {number + 1}: {side}", file=sys.stderr, flush=True)
            for one in run(side, [name for name in works if side in sides_of(name)], peers):
                name, work = one["work"], WORKLOADS[one["work"]]
                speed = work.rows / median(one["seconds"][-work.measured :])
                found[name]["rows_per_second"].setdefault(side, []).append(speed)
                found[name]["held_out"][side] = one["held_out"]
                found[name] |= {part: one[part] for part in ("step", "capture_seconds") if part in one}
        for facts in found.values():
            facts["ratios"] = _ratios(facts["rows_per_second"])
        yield found


def _facts(name: str) -> dict[str, Any]:
    work = WORKLOADS[name]
    about = {"rows": work.rows, "batch": work.batch, "widths": work.widths, "epochs": work.epochs}
    return {"work": about, "rows_per_second": {}, "held_out": {}}


def _ratios(speeds: dict[str, list[float]]) -> dict[str, list[float]]:
    """Divide our speed of each round by that of another side, where both have it."""
    return {
        side: sorted(mine / theirs for mine, theirs in zip(speeds["ours"], speeds[side], strict=False))
        for side in speeds
        if side != "ours"
    }


def _tell(name: str, facts: dict[str, Any]) -> None:
    step = facts["step"]
    how = "captured" if step["refusal"] is None else step["refusal"]
    print(f"{name:>36} {median(facts['rows_per_second']['ours']):12,.0f} rows/s  busy {step['busy']:.0%} ({how})")
    for side, ratios in facts["ratios"].items():
        print(f"{'':>36} {median(ratios):6.1f} times {side} ({ratios[0]:.1f} to {ratios[-1]:.1f})")


def main() -> None:
    """Measure all workloads, or one side as a child."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", default=sys.executable, help="Python of an environment with the other libraries")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--work", nargs="*", default=ON_GPU, choices=ON_GPU)
    parser.add_argument("--digits", type=Path, help="MNIST, for the published run")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--side", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.side:
        for name in asked.work:
            print(json.dumps({"work": name} | with_profile(name)), flush=True)
        return
    import torch

    found: dict[str, Any] = {"about": about() | {"gpu": torch.cuda.get_device_name()}, "asked": ASKED}
    found["published"] = [published(asked.digits, precision) for precision in ("float32", "bfloat16")]
    for run_of in found["published"]:
        print(f"published run, {run_of['precision']}: {run_of['seconds']:.1f} s; on a V100 {PUBLISHED} s", flush=True)
    for found["work"] in compare(asked.work, asked.rounds, asked.peers):
        if asked.out:
            asked.out.write_text(json.dumps(found, indent=2) + "\n")
    for name, facts in found["work"].items():
        _tell(name, facts)


if __name__ == "__main__":
    main()
