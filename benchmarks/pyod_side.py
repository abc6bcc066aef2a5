"""PyOD's AutoEncoder or VAE; epochs are told apart by their passes over its own loader.

PyOD's VAE has one loss alone, squared error with a KL that its defaults hold at 0; its quality isn't comparable.
"""

import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from pyod.models.auto_encoder import AutoEncoder
from pyod.models.vae import VAE

from workloads import WORKLOADS, Found, Workload, rows_of, squared_error, wait


class Watched:
    """A loader that notes when each pass over it begins, and when the last ended."""

    def __init__(self, loader: Any, device: str) -> None:
        self.loader, self.device = loader, device
        self.begun: list[float] = []
        self.ended = 0.0

    def __iter__(self) -> Iterator[Any]:
        self.begun.append(time.perf_counter())
        yield from self.loader
        wait(self.device)
        self.ended = time.perf_counter()


class Timed:
    """What is put before a detector: it times the epochs, and trains alone, without scoring what it was fitted on."""

    def train(self, loader: Any) -> None:
        """Train as the detector does."""
        watched = Watched(loader, self.device.type)
        super().train(watched)
        self.epochs = [stop - start for start, stop in pairwise([*watched.begun, watched.ended])]

    def decision_function(self, X: Any, batch_size: int | None = None) -> Any:  # noqa: N803
        """Score nothing."""
        return np.zeros(len(X))


class TimedAutoEncoder(Timed, AutoEncoder):
    """PyOD's autoencoder, timed."""


class TimedVAE(Timed, VAE):
    """PyOD's VAE, timed."""


def train(name: str) -> Found:
    """Train a detector with the widths of a workload."""
    rows, held_out = rows_of(name)
    model = _detector(name, WORKLOADS[name])
    model.fit(rows.numpy())
    return model.epochs, squared_error(model.model.eval(), held_out) if name.startswith("table") else None


def _detector(name: str, work: Workload) -> Any:
    shared: dict[str, Any] = {
        "epoch_num": work.epochs,
        "batch_size": work.batch,
        "verbose": 0,
        "dropout_rate": 0.0,
        "optimizer_params": {},
        "device": torch.device(work.device),
        "preprocessing": False,
    }
    *hidden, latent = work.widths[1:]
    if name.startswith("table"):
        return TimedAutoEncoder(hidden_neuron_list=[*hidden, latent], batch_norm=work.normalisation, **shared)
    return TimedVAE(
        encoder_neuron_list=hidden,
        decoder_neuron_list=hidden[::-1],
        latent_dim=latent,
        output_activation_name="sigmoid",
        **shared,
    )
