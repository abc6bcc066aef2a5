"""The curve of rate and distortion that a net can reach, over the weight of its KL (beta).

A point for each beta: the nats that a code costs, and those that it leaves open, of held-out rows at the best epoch
(Alemi et al. 2018, "Fixing a broken ELBO", figure 3). Their sum is the negative ELBO, whatever beta is. A posterior
that collapsed lies at rate 0.

    python benchmarks/rate_distortion.py [--data FILE.npz] [--betas 0.1 0.3 1 3 10] [--epochs N] [--out FILE.json]

Without ``--data`` of scikit-learn's digits; else of an ``.npz`` file whose first array is images.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import torch

from decoder_strength import batches, digits, mnist
from hourglass import models
from hourglass.evaluation.bounds import bounds
from hourglass.models.shared.batch import Batch
from hourglass.models.shared.variational import Variational
from hourglass.training import devices
from hourglass.training.loop import fit
from hourglass.training.settings import TrainSettings
from training import about

NET = {"latent": 16, "net": "mlp", "hidden": [256, 128], "likelihood": "bernoulli"}
#: Importance-weighted draws of each held-out row.
DRAWS = 100


def point(beta: float, rows: tuple[Batch, Batch], settings: TrainSettings) -> dict[str, Any]:
    """Train under one beta and measure held-out rows without it."""
    net = models.build("beta_vae", rows[0].x.shape[1:], NET | {"beta": beta}, seed=0)
    assert isinstance(net, Variational)  # noqa: S101
    with tempfile.TemporaryDirectory() as folder:
        fit(net, *rows, settings, seed=0, folder=Path(folder))
    found = bounds(net.eval(), rows[1].x, draws=DRAWS, generator=torch.Generator().manual_seed(0))
    return {"beta": beta} | found.content()


def main() -> None:
    """Print a row for each beta."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--betas", type=float, nargs="+", default=[0.1, 0.3, 1.0, 3.0, 10.0])
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    settings = TrainSettings(epochs=asked.epochs, batch=64, lr=2e-3)
    devices.configure(settings)
    rows = batches(mnist(asked.data) if asked.data else digits())
    print(f"{'beta':>6} {'rate':>8} {'distortion':>11} {'-ELBO':>8} {f'-bound, {DRAWS} draws':>18}")
    points = []
    for beta in asked.betas:
        points.append(point(beta, rows, settings))
        one = points[-1]
        bound = -one["iwae"][-1]["bound"]
        print(f"{beta:6g} {one['rate']:8.2f} {one['distortion']:11.2f} {-one['elbo']:8.2f} {bound:18.2f}", flush=True)
    if asked.out:
        asked.out.write_text(json.dumps({"about": about(), "points": points}, indent=2) + "\n")


if __name__ == "__main__":
    main()
