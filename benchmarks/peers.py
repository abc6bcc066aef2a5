"""The others' side of `training.py`: each library's own trainer, as its documentation has it, on the same net.

Run by ``training.py --peers PYTHON`` with the Python of an environment that has pythae 0.1.2, pyod and lightning.
"""

import json
import logging
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from workloads import (
    ENTRIES,
    PIECES,
    WIDTH,
    WORKLOADS,
    Clock,
    Decoder,
    Encoder,
    layers,
    negative_elbo,
    on_one_core,
    rows_of,
    squared_error,
)

#: Seconds of each epoch, and the quality on held-out rows.
Found = tuple[list[float], float | None]


class Net(nn.Module):
    """The net of a workload, and its loss."""

    def __init__(self, name: str) -> None:
        super().__init__()
        widths = WORKLOADS[name].widths
        self.is_table, self.is_quantised = name.startswith("table"), name.startswith("vq")
        self.encoder = layers(widths) if self.is_table else Encoder(name)
        self.decoder = layers(widths[::-1]) if self.is_table else Decoder(name)
        if self.is_quantised:
            self.codebook = nn.Parameter(torch.empty(ENTRIES, WIDTH).uniform_(-1 / ENTRIES, 1 / ENTRIES))

    def loss(self, x: Tensor) -> Tensor:
        """Give the mean loss of rows, as the examples of PyTorch write it."""
        if self.is_table:
            return functional.mse_loss(self.decoder(self.encoder(x)), x)
        if self.is_quantised:
            z, nearest = self.quantised(x)
            x_hat = self.decoder((z + (nearest - z).detach()).flatten(1))
            moved = (nearest - z.detach()).square().sum() + 0.25 * (z - nearest.detach()).square().sum()
            return ((x_hat - x).square().sum() + moved) / len(x)
        mu, logvar = self.encoder(x)
        z = mu + torch.randn_like(mu) * torch.exp(0.5 * logvar)
        nll = functional.binary_cross_entropy(torch.sigmoid(self.decoder(z)), x, reduction="sum")
        return (nll - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())) / len(x)

    def quantised(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Give the pieces of codes and the entries nearest to them."""
        z = self.encoder.net(x).view(-1, PIECES, WIDTH)
        return z, self.codebook[torch.cdist(z, self.codebook[None]).argmin(-1)]

    def quality(self, held_out: Tensor) -> float:
        """Measure held-out rows."""
        self.to(held_out.device)
        if self.is_quantised:
            return squared_error(lambda x: self.decoder(self.quantised(x)[1].flatten(1)), held_out)
        if self.is_table:
            return squared_error(lambda x: self.decoder(self.encoder(x)), held_out)
        return negative_elbo(self.encoder, self.decoder, held_out)


def tutorial(name: str) -> Found:
    """Run the loop of PyTorch's examples: a DataLoader over a TensorDataset, Adam, backward, step."""
    work, (train, held_out), net = WORKLOADS[name], rows_of(name), Net(name).to(WORKLOADS[name].device)
    loader = DataLoader(TensorDataset(train), batch_size=work.batch, shuffle=True)
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)
    clock = Clock()
    for _ in range(work.epochs):
        for (x,) in loader:
            optimizer.zero_grad()
            loss = net.loss(x.to(work.device))
            loss.backward()
            optimizer.step()
        _wait(work.device)
        clock.mark()
    return clock.epochs(), net.quality(held_out)


def resident(name: str) -> Found:
    """Run the loop of someone who cares: rows on the GPU, batches by index, a fused Adam, nothing waits."""
    work, (train, held_out), net = WORKLOADS[name], rows_of(name), Net(name).to(WORKLOADS[name].device)
    train = train.to(work.device)
    optimizer = torch.optim.Adam(net.parameters(), 1e-3, fused=True)
    clock = Clock()
    for _ in range(work.epochs):
        for which in torch.randperm(len(train), device=work.device).split(work.batch):
            optimizer.zero_grad()
            net.loss(train[which]).backward()
            optimizer.step()
        _wait(work.device)
        clock.mark()
    return clock.epochs(), net.quality(held_out)


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def lightning(name: str) -> Found:
    """Run Lightning's Trainer without logger, checkpoints and bar."""
    _define_torchvision()
    from lightning.pytorch import Callback, LightningModule, Trainer

    work, (train, held_out), clock = WORKLOADS[name], rows_of(name), Clock()

    class Module(LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = Net(name)

        def training_step(self, batch: list[Tensor], _: int) -> Tensor:
            return self.net.loss(batch[0])

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.Adam(self.parameters(), 1e-3)

    class Timing(Callback):
        def on_train_epoch_end(self, *_: object) -> None:
            _wait(work.device)
            clock.mark()

    for logger in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(logger).setLevel(logging.ERROR)
    module, quiet = Module(), dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar"), False)
    trainer = Trainer(
        max_epochs=work.epochs,
        accelerator="cpu" if work.device == "cpu" else "gpu",
        devices=1,
        enable_model_summary=False,
        callbacks=[Timing()],
        **quiet,
    )
    loader = DataLoader(TensorDataset(train), batch_size=work.batch, shuffle=True)
    clock = Clock()
    trainer.fit(module, loader)
    return clock.epochs(), module.net.quality(held_out)


def pythae(name: str) -> Found:
    """Run pythae's BaseTrainer on its VAE with our nets in it."""
    _define_torchvision()
    from pythae.models import VAE, VQVAE, VAEConfig, VQVAEConfig
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder
    from pythae.trainers import BaseTrainer, BaseTrainerConfig
    from pythae.trainers.training_callbacks import TrainingCallback

    work, (train, held_out) = WORKLOADS[name], rows_of(name)
    encoder, decoder = Encoder(name), Decoder(name)

    class TheirEncoder(BaseEncoder):
        def __init__(self) -> None:
            super().__init__()
            self.net = encoder

        def forward(self, x: Tensor) -> Any:
            if name.startswith("vq"):
                pieces = self.net.net(x).view(-1, PIECES, WIDTH)
                return ModelOutput(embedding=pieces.permute(0, 2, 1)[..., None])
            mu, logvar = self.net(x)
            return ModelOutput(embedding=mu, log_covariance=logvar)

    class TheirDecoder(BaseDecoder):
        def __init__(self) -> None:
            super().__init__()
            self.net = decoder

        def forward(self, z: Tensor) -> Any:
            if name.startswith("vq"):
                return ModelOutput(reconstruction=self.net(z[..., 0].permute(0, 2, 1).flatten(1)))
            return ModelOutput(reconstruction=torch.sigmoid(self.net(z)))

    clock: list[Clock] = []

    class Timing(TrainingCallback):
        def on_train_begin(self, *_: object, **__: object) -> None:
            clock.append(Clock())

        def on_epoch_end(self, *_: object, **__: object) -> None:
            _wait(work.device)
            clock[0].mark()

    shape: dict[str, Any] = {"input_dim": (784,), "latent_dim": work.widths[-1]}
    if name.startswith("vq"):
        codebook = VQVAEConfig(**shape, use_ema=True, num_embeddings=ENTRIES)
        model = VQVAE(codebook, TheirEncoder(), TheirDecoder())
    else:
        model = VAE(VAEConfig(**shape, reconstruction_loss="bce"), TheirEncoder(), TheirDecoder())
    with tempfile.TemporaryDirectory() as folder:
        settings = BaseTrainerConfig(
            output_dir=folder,
            per_device_train_batch_size=work.batch,
            num_epochs=work.epochs,
            learning_rate=1e-3,
            no_cuda=work.device == "cpu",
        )
        from pythae.data.datasets import BaseDataset

        rows = BaseDataset(train, torch.ones(len(train)))
        logging.disable(logging.INFO)
        BaseTrainer(model, train_dataset=rows, training_config=settings, callbacks=[Timing()]).train(
            log_output_dir=None
        )
    model.to("cpu").eval()
    if name.startswith("vq"):
        return clock[0].epochs(), squared_error(lambda x: model({"data": x}).recon_x, held_out)
    return clock[0].epochs(), negative_elbo(encoder, decoder, held_out)


def pyod(name: str) -> Found:
    """Run PyOD's AutoEncoder or VAE; epochs are told apart by their passes over its own loader.

    PyOD's VAE has one loss alone, squared error with a KL that its defaults hold at 0; its quality isn't comparable.
    """
    from pyod.models.auto_encoder import AutoEncoder
    from pyod.models.vae import VAE

    work, (train, held_out) = WORKLOADS[name], rows_of(name)
    clock: list[float] = []

    class Watched:
        """Notes the beginning of every pass over a loader."""

        def __init__(self, loader: Any) -> None:
            self.loader = loader

        def __iter__(self) -> Iterator[Any]:
            import time

            clock.append(time.perf_counter())
            yield from self.loader
            _wait(work.device)
            self.end = time.perf_counter()

    def timed(detector: type) -> Any:
        class Timed(detector):  # type: ignore[misc]
            def train(self, loader: Any) -> None:
                watched = Watched(loader)
                super().train(watched)
                clock.append(watched.end)

            def decision_function(self, X: Any, batch_size: int | None = None) -> Any:  # noqa: N803
                import numpy as np

                return np.zeros(len(X))  # training alone is timed

        return Timed

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
        model = timed(AutoEncoder)(hidden_neuron_list=[*hidden, latent], batch_norm=work.normalisation, **shared)
    else:
        model = timed(VAE)(
            encoder_neuron_list=hidden,
            decoder_neuron_list=hidden[::-1],
            latent_dim=latent,
            output_activation_name="sigmoid",
            **shared,
        )
    model.fit(train.numpy())
    epochs = [stop - start for start, stop in pairwise(clock)]
    if not name.startswith("table"):
        return epochs, None
    return epochs, squared_error(model.model.eval(), held_out)


def _define_torchvision() -> None:
    """Let `import torchvision` pass where its operations are of another build than torch."""
    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        for operation in ("nms", "qnms"):
            torch.library.define(
                f"torchvision::{operation}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
            )


PEERS: dict[str, Callable[[str], Found]] = {
    "tutorial": tutorial,
    "resident": resident,
    "lightning": lightning,
    "pythae": pythae,
    "pyod": pyod,
}


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    side, *names = sys.argv[1:]
    if all(WORKLOADS[name].device == "cpu" for name in names):
        on_one_core()
    for name in names:
        torch.manual_seed(0)
        seconds, quality = PEERS[side](name)
        print(json.dumps({"work": name, "seconds": seconds, "held_out": quality}), flush=True)
