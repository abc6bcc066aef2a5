"""How fast the loop trains, against others' loops on the same nets, rows, batches and epochs, on one core.

``python benchmarks/training.py --peers PYTHON [--rounds 5] [--work NAME ...] [--out FILE.json]``. The others live in an
environment of their own: ``python -m venv peers; peers/bin/pip install torch==2.13.0 pythae==0.1.2 pyod==3.6.7
lightning==2.6.6 scikit-learn``. Without ``--peers`` ours stands beside the plain loop and the limit alone.

Every side runs in a process of its own on one core, round by round in turn. Epochs count after 1,200 steps, for only
then denormals show. *limit* is the time of the step's matrix products (or convolutions) alone: no loop is faster.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import which
from statistics import median
from typing import Any

from workloads import ENTRIES, PIECES, WORKLOADS, Clock, on_one_core, rows_of

#: What others' time must be in times of ours, and what share of the limit ours must reach.
ASKED = {
    "vae": {"pythae": 2.7, "lightning": 3.2, "pyod": 2.0, "limit": 0.62},
    "convolutional vae": {"pythae": 1.12, "limit": 0.7},
    "table": {"pyod": 6.0, "lightning": 6.0, "limit": 0.4},
    "table, batch normalisation": {"pyod": 2.5},
}
SIDES = {
    "vae": ("ours", "limit", "tutorial", "lightning", "pythae", "pyod"),
    "convolutional vae": ("ours", "limit", "tutorial", "pythae"),
    "table": ("ours", "limit", "tutorial", "lightning", "pyod"),
    "table, batch normalisation": ("ours", "pyod"),
}
OURS = ("ours", "limit")


def net_of(name: str) -> Any:
    """Build the net of a workload as a variant of ours."""
    from hourglass import models

    work = WORKLOADS[name]
    *hidden, latent = work.widths[1:]
    settings: dict[str, Any] = {"latent": latent, "hidden": hidden, "activation": "relu"}
    if name.startswith("table"):
        settings["normalisation"] = "batch" if work.normalisation else "none"
        return models.build("autoencoder", (30,), settings, seed=0)
    if name.startswith("vq"):
        codes = {"latent": latent, "pieces": PIECES, "entries": ENTRIES, "net": "convolutional", "hidden": [32, 64]}
        return models.build("vq_vae", (1, 28, 28), settings | codes, seed=0)
    settings["likelihood"] = "bernoulli"
    if name.startswith("convolutional"):
        return models.build("vae", (1, 28, 28), settings | {"net": "convolutional", "hidden": [32, 64]}, seed=0)
    return models.build("vae", (784,), settings, seed=0)


def ours(name: str) -> dict[str, Any]:
    """Train by `hourglass.training.loop.fit`, with all that it does beside: metrics, validation, checkpoints."""
    from hourglass.models.shared.batch import Batch
    from hourglass.training import devices
    from hourglass.training.loop import fit, measure

    work, plain = WORKLOADS[name], settings_of(name)
    devices.configure(plain)
    model = net_of(name).to(work.device)
    train, held_out = (rows.view(-1, *model.shape).to(work.device) for rows in rows_of(name))
    with tempfile.TemporaryDirectory() as folder:
        clock = Clock()
        few = Batch.of(held_out[:100])
        told = {"seed": 0, "folder": Path(folder), "on_epoch": clock.mark, "first_course_only": True}
        fit(model, Batch.of(train), few, plain, **told)
    terms = measure(model, Batch.of(held_out), seed=0)
    if name.startswith("vq"):
        return {"seconds": clock.epochs(), "held_out": terms["reconstruction"] / 784}
    quality = sum(terms.values()) / (30 if name.startswith("table") else 1)
    return {"seconds": clock.epochs(), "held_out": quality}


def settings_of(name: str) -> Any:
    """Give the settings of the loop: what all sides do."""
    from hourglass.training.settings import TrainSettings

    work, without = WORKLOADS[name], {"warmup": 0.0, "kl_warmup": 0.0, "patience": 10**6}
    return TrainSettings(epochs=work.epochs, batch=work.batch, schedule="constant", **without)


def limit(name: str) -> dict[str, Any]:
    """Do the matrix products of all steps, or their convolutions, and nothing else."""
    import torch

    work = WORKLOADS[name]
    step = _products(name)
    clock = Clock()
    with torch.inference_mode():
        for _ in range(3 + work.measured):
            for _ in range(work.steps):
                step()
            clock.mark()
    return {"seconds": clock.epochs(), "held_out": None}


def _products(name: str) -> Callable[[], None]:
    """Give the products of a step: of every layer forward, by its weights, and but for the first by its inputs."""
    import torch

    if name.startswith("convolutional"):
        return _convolutions(name)
    *widths, latent = WORKLOADS[name].widths
    outputs = latent * (2 if name == "vae" else 1)
    layers = [
        *zip([*widths], [*widths[1:], outputs], strict=True),
        *zip([latent, *widths[:0:-1]], widths[::-1], strict=True),
    ]
    rows = WORKLOADS[name].batch
    made = [
        tuple(torch.randn(*shape) for shape in ((rows, before), (after, before), (rows, after)))
        for before, after in layers
    ]
    rooms = [tuple(torch.empty_like(one) for one in tensors) for tensors in made]

    def step() -> None:
        for number, ((x, weight, gradient), (of_x, of_weight, y)) in enumerate(zip(made, rooms, strict=True)):
            torch.mm(x, weight.t(), out=y)
            torch.mm(gradient.t(), x, out=of_weight)
            if number:
                torch.mm(gradient, weight, out=of_x)

    return step


def _convolutions(name: str) -> Callable[[], None]:
    import torch
    from torch import nn

    from workloads import Decoder, Encoder

    rows = WORKLOADS[name].batch
    kinds = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
    calls: list[tuple[Any, Any]] = []

    def note(module: nn.Module, inputs: Any, _: Any) -> None:
        calls.append((module, inputs[0].detach().requires_grad_(len(calls) > 0)))

    nets = (Encoder(name), Decoder(name))
    for net in nets:
        for module in net.modules():
            if isinstance(module, kinds):
                module.register_forward_hook(note)
    nets[0](torch.rand(rows, 784))
    nets[1](torch.randn(rows, WORKLOADS[name].widths[-1]))
    for module, _ in calls:
        module._forward_hooks.clear()
    gradients = [torch.randn_like(module(x)) for module, x in calls]

    def step() -> None:
        with torch.inference_mode(False), torch.enable_grad():
            for (module, x), gradient in zip(calls, gradients, strict=True):
                wanted = [*module.parameters(), *([x] if x.requires_grad else [])]
                torch.autograd.grad(module(x), wanted, gradient)

    return step


def measure(work: str, side: str, peers: str | None) -> dict[str, Any]:
    """Run one side in a process of its own."""
    here = Path(__file__).parent
    own = [sys.executable, str(here / "training.py"), "--side", side, "--work", work]
    other = [str(peers or sys.executable), str(here / "peers.py"), side, work]
    done = subprocess.run(own if side in OURS else other, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{work}, {side}:\n{done.stderr}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def compare(work: str, sides: tuple[str, ...], rounds: int, peers: str | None) -> dict[str, Any]:
    """Run all sides of a workload in turn; a side's speed in a round is the median of its timed epochs."""
    about = WORKLOADS[work]
    speeds: dict[str, list[float]] = {side: [] for side in sides}
    quality: dict[str, float] = {}
    slowing: list[float] = []
    for _ in range(rounds):
        for side in sides:
            found = measure(work, side, peers)
            speeds[side].append(about.rows / median(found["seconds"][-about.measured :]))
            quality[side] = found["held_out"]
            if side == "ours" and work == "vae":
                slowing.append(_slowing(found["seconds"], about.steps))
    for side in sides:
        print(f"{work:>28} {side:>10} {median(speeds[side]):12,.0f} rows/s  held out {quality[side]}", flush=True)
    ratios = {side: sorted(_ratios(speeds, side)) for side in sides if side != "ours"}
    for side, found in ratios.items():
        asked = ASKED[work].get(side)
        how = "of" if side == "limit" else "times"
        print(
            f"{work:>28}  ours is {median(found):.2f} {how} {side} ({found[0]:.2f} to {found[-1]:.2f})"
            + (f", asked {asked}" if asked else ""),
            flush=True,
        )
    facts = {"rows": about.rows, "batch": about.batch, "widths": about.widths, "epochs": about.epochs}
    return {"work": facts, "rows_per_second": speeds, "ratios": ratios, "asked": ASKED[work], "held_out": quality} | (
        {"step_2000_by_step_200": slowing} if slowing else {}
    )


def _ratios(speeds: dict[str, list[float]], side: str) -> Iterator[float]:
    return (mine / theirs for mine, theirs in zip(speeds["ours"], speeds[side], strict=True))


def _slowing(seconds: list[float], steps: int) -> float:
    """Compare the three epochs around step 2,000 with those around step 200, which replay already."""
    late, early = (median(seconds[epoch - 1 : epoch + 2]) for epoch in (2000 // steps, 200 // steps))
    return late / early


def main() -> None:
    """Measure all workloads, or one side of one as a child."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", help="Python of an environment with the other libraries")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--work", nargs="*", default=list(SIDES), choices=list(SIDES))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--side", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.side:
        on_one_core()
        print(json.dumps((ours if asked.side == "ours" else limit)(asked.work[0])))
        return
    found = {}
    for work in asked.work:
        sides = SIDES[work] if asked.peers else (*OURS, "tutorial")
        found[work] = compare(work, tuple(side for side in SIDES[work] if side in sides), asked.rounds, asked.peers)
    if asked.out:
        asked.out.write_text(json.dumps({"about": about(), "work": found}, indent=2) + "\n")


def about() -> dict[str, Any]:
    """Describe where and how numbers came about."""
    import torch

    commit = ""
    if which("git"):
        asked = ["git", "rev-parse", "--short", "HEAD"]
        commit = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    return {
        "machine": platform.machine(),
        "cpu": torch.backends.cpu.get_cpu_capability(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "commit": commit,
        "command": f"python {' '.join(sys.argv)}",
    }


if __name__ == "__main__":
    main()
