"""How long an ensemble of eight nets trains, in times of one of them, on one core.

``python benchmarks/ensemble.py [--rounds 5] [--case NAME ...] [--out FILE.json]``. Sides run in turn, round by round:
*eight*, *one*, and *one, as written* (without recorded steps, as others' loops are). Times are of the processor, for
epochs of 100 steps after 1,200 steps, with validation and metrics. Each round holds the first of the eight against the
one: the weights must be the same, to the bit.
"""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from pathlib import Path
from statistics import median
from typing import Any

import torch

from training import about
from workloads import WARM_STEPS, on_one_core

MEMBERS = 8
#: What the time of eight may be, in times of one, where no layer is wider than 64.
ASKED = 2.0
STEPS = 100
MEASURED = 6
SIDES = ("eight", "one", "one, as written")


@dataclass(frozen=True)
class Case:
    """A net and its batch."""

    variant: str
    row: int
    hidden: tuple[int, ...]
    latent: int
    batch: int

    @property
    def name(self) -> str:
        """Say which."""
        widths = "-".join(map(str, (self.row, *self.hidden, self.latent)))
        return f"{self.variant} {widths}, batch {self.batch}"


CASES = [
    Case("autoencoder", 30, (64,), 32, 128),
    Case("autoencoder", 30, (64,), 32, 32),
    Case("autoencoder", 30, (32,), 8, 32),
    Case("autoencoder", 30, (16,), 4, 16),
    Case("vae", 30, (64,), 8, 128),
    Case("vae", 30, (32,), 8, 32),
    Case("autoencoder", 784, (256,), 32, 128),
]


def train(case: Case, side: str) -> tuple[float, dict[str, torch.Tensor]]:
    """Train a side; give seconds of the processor for an epoch, and the weights of its first net."""
    from hourglass import models
    from hourglass.models.shared.batch import Batch
    from hourglass.training import steps
    from hourglass.training.ensemble import Member, fit_members
    from hourglass.training.settings import TrainSettings

    steps.RECORDED_AFTER = inf if side == "one, as written" else 50
    rows, few = (Batch.of(_rows(count, case.row)) for count in (STEPS * case.batch, 100))
    settings = {"latent": case.latent, "hidden": list(case.hidden)}
    epochs = WARM_STEPS // STEPS + MEASURED
    plain = TrainSettings(
        epochs=epochs, batch=case.batch, schedule="constant", warmup=0.0, kl_warmup=0.0, patience=10**6
    )
    marks: list[tuple[int, float]] = []

    def note(record: dict[str, Any]) -> None:
        marks.append((record["epoch"], time.process_time()))

    with tempfile.TemporaryDirectory() as folder:
        seeds = range(MEMBERS if side == "eight" else 1)
        nets = [models.build(case.variant, (case.row,), settings, seed=seed) for seed in seeds]
        members = [Member(net, seed, Path(folder, str(seed))) for net, seed in zip(nets, seeds, strict=True)]
        fit_members(members, rows, few, plain, on_epoch=note)
    return _epoch(marks, len(seeds)), nets[0].state_dict()


def _rows(count: int, width: int) -> torch.Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(count))


def _epoch(marks: list[tuple[int, float]], members: int) -> float:
    """Give the time of an epoch of all members, whether they were trained at once or in turn."""
    times = [at for _, at in marks]
    at_once = members == 1 or marks[1][0] == marks[0][0]
    epochs = len(times) // members
    parts = [times[::members]] if at_once else [times[start : start + epochs] for start in range(0, len(times), epochs)]
    return sum(median(stop - start for start, stop in pairwise(part[-MEASURED - 1 :])) for part in parts)


def compare(case: Case, rounds: int) -> dict[str, Any]:
    """Train all sides in turn."""
    seconds: dict[str, list[float]] = {side: [] for side in SIDES}
    for _ in range(rounds):
        weights = []
        for side, found in seconds.items():
            took, state = train(case, side)
            found.append(took)
            weights.append(state)
        if not all(torch.equal(value, other[name]) for other in weights[1:] for name, value in weights[0].items()):
            sys.exit(f"{case.name}: the first member isn't the net alone.")
    ratios = {
        side: [eight / one for eight, one in zip(seconds["eight"], seconds[side], strict=True)] for side in SIDES[1:]
    }
    print(case.name)
    for side, found in seconds.items():
        print(f"{side:>18} {median(found) / STEPS * 1e6:8.0f} us a step", flush=True)
    for side, of in ratios.items():
        print(f"{'':>18} eight take {median(of):.2f} times {side} ({min(of):.2f} to {max(of):.2f})", flush=True)
    asked = ASKED if max(case.hidden) <= 64 else None
    return {"steps": STEPS, "seconds": seconds, "ratios": ratios, "asked": asked}


def main() -> None:
    """Measure all cases."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--case", nargs="*", default=[case.name for case in CASES], choices=[case.name for case in CASES]
    )
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    on_one_core()
    from hourglass.training import devices

    devices.compute_with(1)
    found = {case.name: compare(case, asked.rounds) for case in CASES if case.name in asked.case}
    if asked.out:
        asked.out.write_text(json.dumps({"about": about(), "work": found}, indent=2) + "\n")


if __name__ == "__main__":
    main()
