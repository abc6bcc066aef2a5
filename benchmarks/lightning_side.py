"""Lightning's Trainer, without logger, checkpoints and bar."""

import logging

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from plain_side import Net
from workloads import WORKLOADS, Clock, Found, rows_of


class Module(LightningModule):
    """The net of a workload as Lightning takes it."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.net = Net(name)

    def training_step(self, batch: list[Tensor], _: int) -> Tensor:
        """Give the loss of a batch."""
        return self.net.loss(batch[0])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Give Adam, as all sides have it."""
        return torch.optim.Adam(self.parameters(), 1e-3)


class Timing(Callback):
    """Notes when training begins and epochs end."""

    def __init__(self, device: str) -> None:
        self.clock = Clock(device)

    def on_train_start(self, *_: object) -> None:
        """Begin anew."""
        self.clock = Clock(self.clock.device)

    def on_train_epoch_end(self, *_: object) -> None:
        """Note the time."""
        self.clock.mark()


def train(name: str) -> Found:
    """Train the net of a workload."""
    for logger in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(logger).setLevel(logging.ERROR)
    work, (rows, held_out), module = WORKLOADS[name], rows_of(name), Module(name)
    loader = DataLoader(TensorDataset(rows), batch_size=work.batch, shuffle=True)
    timing = Timing(work.device)
    trainer = Trainer(
        max_epochs=work.epochs,
        accelerator="cpu" if work.device == "cpu" else "gpu",
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[timing],
    )
    trainer.fit(module, loader)
    return timing.clock.epochs(), module.net.quality(held_out)
