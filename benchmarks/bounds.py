"""How far the published MLP VAE comes: bounds on log p(x) of dynamically binarised digits.

Burda, Grosse & Salakhutdinov 2016, "Importance weighted autoencoders", table 1: encoder and decoder of two layers of
200 tanh units, 50 latent ones, 60,000 digits that are binarised anew every time. There the VAE reaches 86.76 nats with
19 active units, the IWAE of 50 draws 84.78 with 25, both by the bound of 5,000 draws on the 10,000 test digits.

    python benchmarks/bounds.py --data FOLDER [--variant vae|iwae] [--epochs N] [--batch N] [--lr X] [--out FILE.json]

FOLDER holds the four files of MNIST as torchvision leaves them (``train-images-idx3-ubyte`` and so on, ``.gz`` or not).
The defaults are for ten minutes of one core. The learning curve, on the first test digits, tells the CPU seconds of
training so far; the final bounds on all come on top, some five minutes. Of the IWAE a GPU is needed.
"""

import argparse
import gzip
import json
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hourglass import models
from hourglass.errors import HourglassError
from hourglass.evaluation.bounds import Bounds, bounds
from hourglass.models.shared.batch import Batch
from hourglass.models.shared.diagnostics import ACTIVE_VARIANCE
from hourglass.models.shared.variational import Variational
from hourglass.training import devices
from hourglass.training.loop import fit
from hourglass.training.settings import TrainSettings

#: Nats and active units of the paper, table 1, one stochastic layer.
PUBLISHED = {"vae": (86.76, 19), "iwae": (84.78, 25)}
NET = {"latent": 50, "net": "mlp", "hidden": [200, 200], "activation": "tanh", "likelihood": "bernoulli"}
OWN: dict[str, dict[str, Any]] = {"vae": {}, "iwae": {"draws": 50}}
#: Test digits that the learning curve is measured on, draws of each, and times of it.
CURVE_ROWS, CURVE_DRAWS, CURVE_POINTS = 500, 100, 10
_IDX_IMAGES = 0x803


@dataclass
class Curve:
    """What a training reaches and when.

    Parameters
    ----------
    net : Variational
    held_out : Tensor of shape (rows, 1, 28, 28)
        Binarised.
    every : int
        Epochs between two points.
    """

    net: Variational
    held_out: Tensor
    every: int
    points: list[dict[str, float]] = field(default_factory=list)
    measuring: float = 0.0
    began: float = field(default_factory=time.process_time)
    clock: float = field(default_factory=time.perf_counter)
    measured: float = 0.0

    def __call__(self, record: dict[str, Any]) -> None:
        """Measure every so many epochs, with the clocks held."""
        if record["epoch"] % self.every:
            return
        cpu, clock = time.process_time(), time.perf_counter()
        spent = {"cpu_seconds": cpu - self.began - self.measuring, "seconds": clock - self.clock - self.measured}
        self.net.eval()
        found = measured(self.net, self.held_out, CURVE_DRAWS)
        point = {"epoch": record["epoch"], "elbo": found.elbo, "bound": found.iwae[CURVE_DRAWS][0]}
        self.points.append(point | spent | {"active_units": active_units(self.net, self.held_out)})
        print(", ".join(f"{name} {value:.2f}" for name, value in self.points[-1].items()), flush=True)
        self.measuring += time.process_time() - cpu
        self.measured += time.perf_counter() - clock


def measured(net: Variational, rows: Tensor, draws: int) -> Bounds:
    """Give the bounds on test digits, with the same draws every time."""
    at_once = 2**17 if rows.is_cuda else 2**12
    generator = torch.Generator(rows.device).manual_seed(0)
    return bounds(net, rows, draws=draws, generator=generator, at_once=at_once)


@torch.no_grad()
def active_units(net: Variational, rows: Tensor) -> int:
    """Count the units whose posterior mean varies by more than 0.01 over rows."""
    return int((net.encode(rows)["z"].var(0, correction=0) > ACTIVE_VARIANCE).sum())


def images(folder: Path, name: str) -> Tensor:
    """Read the images of an idx file: float32 of shape (rows, 1, 28, 28), from 0 to 1."""
    found = next((path for path in (folder / name, folder / f"{name}.gz") if path.is_file()), None)
    if found is None:
        raise HourglassError(f"{folder} holds no {name} or {name}.gz; give torchvision's folder MNIST/raw.")
    content = gzip.decompress(found.read_bytes()) if found.suffix == ".gz" else found.read_bytes()
    magic, rows, height, width = np.frombuffer(content[:16], ">u4")
    if magic != _IDX_IMAGES or len(content) != 16 + rows * height * width:
        raise HourglassError(f"{found} is no idx file of images; fetch it again.")
    pixels = np.frombuffer(content, np.uint8, offset=16).reshape(rows, 1, height, width)
    return torch.from_numpy(pixels.astype(np.float32) / 255)


def digits(path: Path) -> tuple[Tensor, Tensor]:
    """Read training and test digits from a folder of idx files, or from an ``.npz`` file with ``x`` and ``x_test``."""
    if path.is_dir():
        return images(path, "train-images-idx3-ubyte"), images(path, "t10k-images-idx3-ubyte")
    with np.load(path, allow_pickle=False) as stored:
        train, test = (torch.from_numpy(stored[name][:, None].astype(np.float32) / 255) for name in ("x", "x_test"))
    return train, test


def binarised(rows: Tensor, seed: int) -> Tensor:
    """Draw 0s and 1s once, by the pixels as probabilities."""
    draw = torch.Generator(rows.device).manual_seed(seed)
    return (torch.rand(rows.shape, generator=draw, device=rows.device) < rows).float()


def run(asked: argparse.Namespace) -> dict[str, Any]:
    """Train, measure along the way and at the end."""
    settings = TrainSettings(
        epochs=asked.epochs,
        batch=asked.batch,
        lr=asked.lr,
        augment=["binarise"],
        kl_warmup=asked.kl_warmup,
        patience=asked.epochs,
        threads=asked.threads,
    )
    devices.configure(settings)
    device = devices.resolve(asked.device)
    train, test = (rows.to(device) for rows in digits(asked.data))
    train, validation = train[: -asked.held_out], binarised(train[-asked.held_out :], seed=1)
    held_out = binarised(test, seed=2)
    net = models.build(asked.variant, tuple(train.shape[1:]), NET | OWN[asked.variant], seed=asked.seed).to(device)
    assert isinstance(net, Variational)  # noqa: S101
    curve = Curve(net, held_out[:CURVE_ROWS], max(1, asked.epochs // CURVE_POINTS))
    with tempfile.TemporaryDirectory() as folder:
        fit(net, Batch.of(train), Batch.of(validation), settings, seed=asked.seed, folder=Path(folder), on_epoch=curve)
    net.eval()
    final = measured(net, held_out[: asked.rows], asked.draws)
    nats, units = PUBLISHED[asked.variant]
    return {
        "variant": asked.variant,
        "settings": {name: getattr(asked, name) for name in ("epochs", "batch", "lr", "kl_warmup", "held_out", "seed")},
        "fingerprint": devices.fingerprint(device, asked.threads),
        "curve": curve.points,
        "test": final.content() | {"active_units": active_units(net, held_out)},
        "published": {"nats": nats, "active_units": units},
    }


def main() -> None:
    """Print what was reached beside what was published."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of idx files, or .npz with x and x_test")
    parser.add_argument("--variant", choices=sorted(PUBLISHED), default="vae")
    parser.add_argument("--epochs", type=int, default=320)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--kl-warmup", type=float, default=0.1, help="share of all steps")
    parser.add_argument("--held-out", type=int, default=1000, help="training digits that choose the epoch")
    parser.add_argument("--rows", type=int, default=10_000, help="test digits of the final bounds")
    parser.add_argument("--draws", type=int, default=5000, help="of each in the final bounds")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="file of all runs, which this one is added to")
    asked = parser.parse_args()
    found = run(asked)
    test, published = found["test"], found["published"]
    print(f"{asked.variant}: ELBO {-test['elbo']:.2f}, rate {test['rate']:.2f}, distortion {test['distortion']:.2f}")
    for one in test["iwae"]:
        print(f"  -log p(x) at most {-one['bound']:.2f} +- {one['se']:.2f} by {one['draws']} draws")
    print(f"  active units {test['active_units']}; published {published['nats']} nats, {published['active_units']}")
    if asked.out:
        runs = json.loads(asked.out.read_text()) if asked.out.exists() else []
        asked.out.write_text(json.dumps([*runs, found], indent=2) + "\n")


if __name__ == "__main__":
    main()
