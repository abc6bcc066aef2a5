"""Whether a stronger decoder helps against posterior collapse, and what does.

VAEs with one encoder and decoders of growing strength, on binarised digits: each decoder with several seeds, then
remedies on the strongest ones. ``docs/posterior-collapse.md`` reports the result.

    python benchmarks/decoder_strength.py [--seeds N] [--mnist FILE.npz] [--threads N]
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import linear, silu

from hourglass.models.beta_vae import BetaVAE
from hourglass.models.shared.batch import Batch
from hourglass.models.shared.divergences import gaussian_kl, reparameterise
from hourglass.models.shared.terms import Context
from hourglass.training import devices
from hourglass.training.loop import METRICS_FILE, fit
from hourglass.training.settings import TrainSettings

LATENT, ENCODER = 8, [256, 128]
BASE = TrainSettings(epochs=60, patience=60, batch=64, lr=2e-3, kl_warmup=0.0)
MEASURES = ("active_units", "mutual_information", "kl", "reconstruction", "-ELBO")


class SeeingVAE(BetaVAE):
    """A VAE whose decoder also sees the pixels before the one it tells, in reading order.

    The masks are those of Germain et al. 2015, "MADE", with one hidden layer, which the code joins unmasked. With
    enough units such a decoder can express any distribution of rows without a code.
    """

    def __init__(self, shape: Sequence[int], *, units: int, **settings: Any) -> None:
        super().__init__(shape, **settings)
        pixels = int(np.prod(shape))
        self.decoder = nn.ModuleList(
            [nn.Linear(pixels, units), nn.Linear(self.latent, units), nn.Linear(units, pixels)]
        )
        place, sees = torch.arange(pixels), torch.arange(units) % (pixels - 1)
        self.register_buffer("first", (place <= sees[:, None]).float())
        self.register_buffer("last", (sees < place[:, None]).float())

    def halves(self, batch: Batch, context: Context) -> tuple[Tensor, Tensor]:  # noqa: D102
        mu, logvar = self.encode(batch.x).values()
        z = reparameterise(mu, logvar, context.generator)
        seen, told, out = self.decoder
        hidden = silu(linear(batch.target.flatten(1), seen.weight * self.first, seen.bias) + told(z))
        logits = linear(hidden, out.weight * self.last, out.bias).view(len(z), 1, *self.shape)
        return self.likelihood.nll(logits, batch.target), gaussian_kl(mu, logvar)


@dataclass(frozen=True)
class Case:
    """A decoder, and what is done against collapse."""

    name: str
    decoder: list[int] | None = None
    units: int = 0
    settings: dict[str, float] = field(default_factory=dict)
    train: dict[str, Any] = field(default_factory=dict)

    def build(self, shape: Sequence[int], seed: int) -> BetaVAE:
        """Make the untrained net; with no settings its loss is that of a plain VAE."""
        common = {"latent": LATENT, "net": "mlp", "hidden": ENCODER, "likelihood": "bernoulli", "beta": 1.0}
        common |= self.settings
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            if self.units:
                return SeeingVAE(shape, units=self.units, **common)
            return BetaVAE(shape, decoder_hidden=self.decoder, **common)


DECODERS = [
    Case("linear", []),
    Case("narrow, 16 units", [16]),
    Case("128, 256 units", [128, 256]),
    Case("wide, 1024 units", [1024]),
    Case("deep, 4 x 256 units", [256] * 4),
    Case("sees pixels, 16 units", units=16),
    Case("sees pixels, 256 units", units=256),
]
DEEP, SEEING = DECODERS[4], DECODERS[6]
#: What is changed against collapse, one at a time: settings of the variant, and of training.
REMEDIES: dict[str, tuple[dict[str, float], dict[str, Any]]] = {
    "free bits, 0.5 a unit": ({"free_bits": 0.5}, {}),
    "beta 0.5": ({"beta": 0.5}, {}),
    "beta 0.25": ({"beta": 0.25}, {}),
    "warm-up over half": ({}, {"kl_warmup": 0.5}),
    "four cycles": ({}, {"kl_warmup": 0.5, "kl_cycles": 4}),
    "decoder frozen, first fifth": ({}, {"freeze_decoder": 0.2}),
}


def remedied(case: Case) -> list[Case]:
    """Give a decoder with each of the remedies."""
    return [replace(case, name=name, settings=own, train=loop) for name, (own, loop) in REMEDIES.items()]


def trained(case: Case, rows: tuple[Batch, Batch], settings: TrainSettings, seed: int) -> dict[str, float]:
    """Train and give the measures of the best epoch on held-out rows."""
    with tempfile.TemporaryDirectory() as folder:
        model = case.build(rows[0].x.shape[1:], seed)
        (course,) = fit(model, *rows, replace(settings, **case.train), seed=seed, folder=Path(folder))
        lines = (Path(folder) / METRICS_FILE).read_text().splitlines()
    best = json.loads(lines[course.best_epoch - 1])
    kl, reconstruction = best["validation"]["kl"], best["validation"]["reconstruction"]
    found = best["code"] | {"kl": kl, "reconstruction": reconstruction, "-ELBO": kl + reconstruction}
    return {name: found[name] for name in MEASURES}


def digits() -> Iterator[np.ndarray]:
    """Give scikit-learn's digits, 1,437 rows to train on and 360 held out."""
    from sklearn.datasets import load_digits

    rows = np.random.default_rng(0).permutation(load_digits().images / 16)
    yield from (rows[:1437], rows[1437:])


def mnist(path: Path) -> Iterator[np.ndarray]:
    """Give rows of an ``.npz`` file whose first array is 28 x 28 bytes a row, 8,000 to train on and 2,000 held out."""
    with np.load(path) as stored:
        images = next(stored[name] for name in stored.files if stored[name].ndim >= 3)
    rows = np.random.default_rng(0).permutation(images.reshape(-1, 28, 28) / 255)
    yield from (rows[:8000], rows[8000:10_000])


def batches(parts: Iterator[np.ndarray]) -> tuple[Batch, Batch]:
    """Make pixels 0 or 1."""
    train, held_out = (Batch.of(torch.tensor(part[:, None] > 0.5, dtype=torch.float32)) for part in parts)
    return train, held_out


def report(title: str, cases: list[Case], rows: tuple[Batch, Batch], settings: TrainSettings, seeds: int) -> None:
    """Print a row for each case: mean and standard deviation over seeds."""
    print(f"\n{title}\n| | {' | '.join(MEASURES)} |\n|---|{'---|' * len(MEASURES)}")
    for case in cases:
        runs = [trained(case, rows, settings, seed) for seed in range(seeds)]
        cells = (f"{mean(run[name] for run in runs):.2f} ± {stdev(run[name] for run in runs):.2f}" for name in MEASURES)
        print(f"| {case.name} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--mnist", type=Path)
    asked = parser.parse_args()
    devices.compute_with(asked.threads)
    started = time.perf_counter()
    rows, settings = batches(digits()), BASE
    report("Decoders, digits", DECODERS, rows, settings, asked.seeds)
    for case in (DEEP, SEEING):
        report(f"Remedies, decoder: {case.name}, digits", remedied(case), rows, settings, asked.seeds)
    if asked.mnist:
        rows, settings = batches(mnist(asked.mnist)), replace(BASE, epochs=10)
        report("Decoders, MNIST", [DECODERS[0], DECODERS[2], DEEP, SEEING], rows, settings, asked.seeds)
    print(f"\n{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
