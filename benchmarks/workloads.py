"""What the training benchmarks train: rows, nets, losses, and how good the result is; torch and scikit-learn alone.

Both our side (`training.py`) and the others' (`peers.py`, in an environment of their own) import it, so that both train
the same nets on the same rows.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

#: Seconds of each epoch, and the quality on held-out rows.
Found = tuple[list[float], float | None]

HELD_OUT = 1000
#: Until here Adam's moments have decayed into denormals, which slow whoever doesn't flush them.
WARM_STEPS = 1_200


@dataclass(frozen=True)
class Workload:
    """One row of the table.

    Parameters
    ----------
    rows : int
        For training.
    batch : int
    widths : tuple of int
        Of the encoder, from the row to the code; the decoder mirrors it.
    measured : int
        Epochs that are timed after those that warm up.
    """

    rows: int
    batch: int
    widths: tuple[int, ...]
    measured: int
    normalisation: bool = False
    warm_steps: int = WARM_STEPS
    device: str = "cpu"

    @property
    def steps(self) -> int:
        """Steps of an epoch."""
        return -(-self.rows // self.batch)

    @property
    def warm(self) -> int:
        """Epochs before the first that is timed."""
        return -(-self.warm_steps // self.steps)

    @property
    def epochs(self) -> int:
        """All epochs."""
        return self.warm + self.measured


WORKLOADS = {
    "vae": Workload(10_000, 128, (784, 256, 128, 32), 12),
    "convolutional vae": Workload(2_560, 128, (784, 32), 3),
    "table": Workload(500_000, 512, (30, 64, 32), 1),
    "table, batch normalisation": Workload(500_000, 512, (30, 64, 32), 1, normalisation=True),
}
#: Batches on a GPU, and how many epochs of each are timed.
ON_GPU = {128: 2, 1024: 3, 8192: 3}
#: A codebook's vectors, how wide they are, and how many a row gets.
ENTRIES, WIDTH, PIECES = 256, 32, 16
for _batch, _measured in ON_GPU.items():
    for _name, _widths in {
        "vae": (784, 256, 128, 32),
        "convolutional vae": (784, 32),
        "vq-vae": (784, PIECES * WIDTH),
    }.items():
        WORKLOADS[f"{_name}, batch {_batch}, GPU"] = Workload(
            32_768, _batch, _widths, _measured, warm_steps=16, device="cuda"
        )


def rows_of(name: str) -> tuple[Tensor, Tensor]:
    """Make the rows of a workload, for training and held out."""
    count = WORKLOADS[name].rows + HELD_OUT
    made = torch.from_numpy(table(count) if name.startswith("table") else _digits(count))
    return made[:-HELD_OUT], made[-HELD_OUT:]


@cache
def _digits(count: int) -> np.ndarray:
    """Enlarge scikit-learn's digits to 28 x 28 and shift them; values in [0, 1]."""
    from sklearn.datasets import load_digits

    small = load_digits().images.astype(np.float32) / 16
    draw = np.random.default_rng(0)
    images = np.zeros((count, 28, 28), np.float32)
    for image, which in zip(images, draw.integers(0, len(small), count), strict=True):
        top, left = draw.integers(0, 5, 2)
        image[top : top + 24, left : left + 24] = np.kron(small[which], np.ones((3, 3), np.float32))
    return images.reshape(count, 784)


def table(count: int) -> np.ndarray:
    """Draw rows of thirty columns near a surface of eight dimensions; standardised."""
    draw = np.random.default_rng(0)
    x = np.tanh(draw.normal(size=(count, 8)) @ draw.normal(size=(8, 30))) + 0.1 * draw.normal(size=(count, 30))
    return ((x - x.mean(0)) / x.std(0)).astype(np.float32)


def is_convolutional(name: str) -> bool:
    """Tell whether a workload's nets are."""
    return name.startswith(("convolutional", "vq"))


def layers(widths: tuple[int, ...]) -> nn.Sequential:
    """Stack linear layers with ReLU between them."""
    found: list[nn.Module] = []
    for before, after in pairwise(widths):
        found += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*found[:-1])


class Encoder(nn.Module):
    """A Gaussian posterior; for a VQ-VAE use `net` alone."""

    def __init__(self, name: str) -> None:
        super().__init__()
        *hidden, latent = WORKLOADS[name].widths
        outputs = latent if name.startswith("vq") else 2 * latent
        if is_convolutional(name):
            convolutions = [nn.Conv2d(1, 32, 3, 2, 1), nn.ReLU(), nn.Conv2d(32, 64, 3, 2, 1), nn.ReLU()]
            self.net = nn.Sequential(
                nn.Unflatten(1, (1, 28, 28)), *convolutions, nn.Flatten(), nn.Linear(3136, outputs)
            )
        else:
            self.net = layers((*hidden, outputs))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Give mu and logvar."""
        mu, logvar = self.net(x).chunk(2, 1)
        return mu, logvar


class Decoder(nn.Module):
    """Logits of rows, or of a VQ-VAE the rows."""

    def __init__(self, name: str) -> None:
        super().__init__()
        widths = WORKLOADS[name].widths[::-1]
        if is_convolutional(name):
            grown = [nn.ConvTranspose2d(64, 32, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(32, 1, 4, 2, 1)]
            self.net = nn.Sequential(
                nn.Linear(widths[0], 3136), nn.ReLU(), nn.Unflatten(1, (64, 7, 7)), *grown, nn.Flatten()
            )
        else:
            self.net = layers(widths)

    def forward(self, z: Tensor) -> Tensor:
        """Give logits."""
        logits: Tensor = self.net(z)
        return logits


@torch.no_grad()
def negative_elbo(
    encode: Callable[[Tensor], tuple[Tensor, Tensor]], decode: Callable[[Tensor], Tensor], x: Tensor
) -> float:
    """Measure held-out rows, in nats, by one draw for each; `decode` gives logits."""
    mu, logvar = encode(x)
    z = mu + torch.randn(mu.shape, generator=torch.Generator().manual_seed(0)) * (0.5 * logvar).exp()
    kl = 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(1)
    return float((functional.binary_cross_entropy_with_logits(decode(z), x, reduction="none").sum(1) + kl).mean())


@torch.no_grad()
def squared_error(reconstruct: Callable[[Tensor], Tensor], x: Tensor) -> float:
    """Measure held-out rows: mean squared error."""
    return float((reconstruct(x) - x).square().mean())


class Clock:
    """Notes when epochs end; the first mark is the start.

    Parameters
    ----------
    device : str
        On ``cuda`` an epoch ends when the GPU is done.
    """

    def __init__(self, device: str = "cpu") -> None:
        self.device = device
        self.marks = [time.perf_counter()]

    def mark(self, *_: object) -> None:
        """Note that an epoch ends."""
        wait(self.device)
        self.marks.append(time.perf_counter())

    def epochs(self) -> list[float]:
        """Seconds of each epoch."""
        return [stop - start for start, stop in pairwise(self.marks)]


def wait(device: str) -> None:
    """Let the GPU finish, if that is what computes."""
    if device == "cuda":
        torch.cuda.synchronize()


def on_one_core() -> None:
    """Keep this process to one core, where the system lets it, and to one thread."""
    torch.set_num_threads(1)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
