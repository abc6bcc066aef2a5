"""pythae's BaseTrainer on its VAE or VQ-VAE, with the nets of the workloads in it."""

import logging
import tempfile
from typing import Any

import torch
from pythae.data.datasets import BaseDataset
from pythae.models import VAE, VQVAE, VAEConfig, VQVAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from pythae.trainers.training_callbacks import TrainingCallback
from torch import Tensor, nn

from workloads import (
    ENTRIES,
    PIECES,
    WIDTH,
    WORKLOADS,
    Clock,
    Decoder,
    Encoder,
    Found,
    Workload,
    negative_elbo,
    rows_of,
    squared_error,
)


class Coder(BaseEncoder):
    """The encoder of a VAE."""

    def __init__(self, net: Encoder) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Any:
        """Give mu and logvar by pythae's names."""
        mu, logvar = self.net(x)
        return ModelOutput(embedding=mu, log_covariance=logvar)


class PieceCoder(Coder):
    """The encoder of a VQ-VAE: pieces of a code, as an image of one column whose channels they have."""

    def forward(self, x: Tensor) -> Any:
        """Give the pieces by pythae's name."""
        pieces = self.net.net(x).view(-1, PIECES, WIDTH)
        return ModelOutput(embedding=pieces.permute(0, 2, 1)[..., None])


class Rebuilder(BaseDecoder):
    """The decoder of a VAE."""

    def __init__(self, net: Decoder) -> None:
        super().__init__()
        self.net = net

    def forward(self, z: Tensor) -> Any:
        """Give rows by pythae's name."""
        return ModelOutput(reconstruction=torch.sigmoid(self.net(z)))


class PieceRebuilder(Rebuilder):
    """The decoder of a VQ-VAE."""

    def forward(self, z: Tensor) -> Any:
        """Give rows by pythae's name."""
        return ModelOutput(reconstruction=self.net(z[..., 0].permute(0, 2, 1).flatten(1)))


class Timing(TrainingCallback):
    """Notes when training begins and epochs end."""

    def __init__(self, device: str) -> None:
        self.clock = Clock(device)

    def on_train_begin(self, *_: object, **__: object) -> None:
        """Begin anew."""
        self.clock = Clock(self.clock.device)

    def on_epoch_end(self, *_: object, **__: object) -> None:
        """Note the time."""
        self.clock.mark()


def train(name: str) -> Found:
    """Train the nets of a workload."""
    work, (rows, held_out) = WORKLOADS[name], rows_of(name)
    encoder, decoder, timing = Encoder(name), Decoder(name), Timing(WORKLOADS[name].device)
    shape: dict[str, Any] = {"input_dim": (784,), "latent_dim": work.widths[-1]}
    if name.startswith("vq"):
        codebook = VQVAEConfig(**shape, use_ema=True, num_embeddings=ENTRIES)
        model = VQVAE(codebook, PieceCoder(encoder), PieceRebuilder(decoder))
    else:
        model = VAE(VAEConfig(**shape, reconstruction_loss="bce"), Coder(encoder), Rebuilder(decoder))
    _fit(model, rows, work, timing)
    model.to("cpu").eval()
    if name.startswith("vq"):
        return timing.clock.epochs(), squared_error(lambda x: model({"data": x}).recon_x, held_out)
    return timing.clock.epochs(), negative_elbo(encoder, decoder, held_out)


def _fit(model: nn.Module, rows: Tensor, work: Workload, timing: Timing) -> None:
    """Run pythae's trainer, which wants a folder and labels."""
    logging.disable(logging.INFO)
    with tempfile.TemporaryDirectory() as folder:
        settings = BaseTrainerConfig(
            output_dir=folder,
            per_device_train_batch_size=work.batch,
            num_epochs=work.epochs,
            learning_rate=1e-3,
            no_cuda=work.device == "cpu",
        )
        labelled = BaseDataset(rows, torch.ones(len(rows)))
        trainer = BaseTrainer(model, train_dataset=labelled, training_config=settings, callbacks=[timing])
        trainer.train(log_output_dir=None)
