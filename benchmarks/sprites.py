"""Whether units of a code become the factors that images were made of.

Images of 32 x 32 pixels of a square, an ellipse or a heart, in every combination of three shapes, four sizes, six turns
and eight places along each side: 4,608 images whose factors are known, in the manner of dSprites (Matthey et al. 2017).
Variants learn them without the factors; `hourglass.evaluation.disentanglement` holds their codes against them. Mean and
standard deviation over seeds, for seeds matter more than variants (Locatello et al. 2019).

    python benchmarks/sprites.py [--seeds N] [--epochs N] [--variants vae beta_vae ...] [--device cuda]
                                 [--out FILE.json]
"""

import argparse
import json
import tempfile
from itertools import product
from pathlib import Path
from statistics import mean, pstdev
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hourglass import models
from hourglass.evaluation.disentanglement import disentanglement
from hourglass.models.shared.batch import Batch
from hourglass.training import devices
from hourglass.training.loop import fit
from hourglass.training.settings import TrainSettings
from training import about

#: Values of each factor: shape, size, turn, place from left to right, place from top to bottom.
SIZES = (3, 4, 6, 8, 8)
#: The factor without an order.
CATEGORIES = (0,)
_SIDE, _FINE = 32, 3
NET = {"latent": 10, "net": "mlp", "hidden": [256, 128], "likelihood": "bernoulli"}
VARIANTS: dict[str, dict[str, Any]] = {
    "autoencoder": {},
    "vae": {},
    "beta_vae": {"beta": 4.0},
    "beta_tc_vae": {},
    "factor_vae": {},
}


def sprites() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Draw every combination: images of shape (rows, 1, 32, 32) from 0 to 1, and factors of shape (rows, 5)."""
    factors = np.array(list(product(*map(range, SIZES))), np.int64)
    step = (np.arange(_SIDE * _FINE) + 0.5) / (_SIDE * _FINE) * 2 - 1
    across, down = np.meshgrid(step, step)
    return np.stack([_drawn(across, down, *row) for row in factors])[:, None], factors


def _drawn(across: NDArray[Any], down: NDArray[Any], shape: int, size: int, turn: int, x: int, y: int) -> NDArray[Any]:
    """Draw one image, three times as fine and averaged, so that edges are smooth."""
    scale, angle = 0.2 + 0.05 * size, turn * np.pi / 2 / SIZES[2]
    left, up = (across - (x / 7 - 0.5)) / scale, (down - (y / 7 - 0.5)) / scale
    u, v = np.cos(angle) * left + np.sin(angle) * up, np.cos(angle) * up - np.sin(angle) * left
    inside = [
        lambda: np.maximum(abs(u), abs(v)) < 0.8,
        lambda: u**2 + (2 * v) ** 2 < 1,
        lambda: (u**2 + v**2 - 0.6) ** 3 + u**2 * v**3 < 0,
    ][shape]()
    return inside.reshape(_SIDE, _FINE, _SIDE, _FINE).mean((1, 3)).astype(np.float32)


def measured(
    variant: str, rows: tuple[NDArray[Any], NDArray[Any]], settings: TrainSettings, seed: int
) -> dict[str, float]:
    """Train on all images but a tenth that stops the training, and measure the codes of all."""
    device = devices.resolve(settings.device)
    images, factors = torch.from_numpy(rows[0]).to(device), rows[1]
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed)).to(device)
    held_out = len(images) // 10
    parts = Batch.of(images[order[held_out:]]), Batch.of(images[order[:held_out]])
    net = models.build(variant, images.shape[1:], NET | VARIANTS[variant], seed=seed).to(device)
    with tempfile.TemporaryDirectory() as folder:
        fit(net, *parts, settings, seed=seed, folder=Path(folder))
    with torch.no_grad():
        z = net.eval().encode(images)["z"].cpu().numpy()
    return disentanglement(z, factors, categories=CATEGORIES, seed=seed)


def main() -> None:
    """Print a row for each variant."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=list(VARIANTS))
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    settings = TrainSettings(epochs=asked.epochs, batch=128, lr=1e-3, device=asked.device)
    devices.configure(settings)
    rows, found = sprites(), {}
    for variant in asked.variants:
        runs = [measured(variant, rows, settings, seed) for seed in range(asked.seeds)]
        found[variant] = runs
        cells = (
            f"{name} {mean(run[name] for run in runs):.2f} ± {pstdev(run[name] for run in runs):.2f}"
            for name in runs[0]
        )
        print(f"{variant:>12}: {', '.join(cells)}", flush=True)
    if asked.out:
        device = devices.fingerprint(devices.resolve(asked.device), settings.threads)["device"]
        result = {"about": about() | {"device": device}, "epochs": asked.epochs, "sprites": found}
        asked.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
