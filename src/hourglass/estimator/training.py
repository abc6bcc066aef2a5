"""A net trained on rows in memory."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from hourglass import models
from hourglass.estimator.rows import check_support
from hourglass.estimator.settings import told_in_python
from hourglass.models.shared.batch import Batch
from hourglass.models.shared.variant import Variant
from hourglass.runtime.conditioning import Conditioning
from hourglass.settings import AUTO
from hourglass.training import devices
from hourglass.training.loop import Record, fit
from hourglass.training.settings import TrainSettings
from hourglass.training.widths import Watch, Widths, choose, ends


@dataclass(frozen=True)
class Task:
    """What is trained, and how.

    Parameters
    ----------
    variant : str
    settings : dict
        Every setting of the variant.
    training : TrainSettings
    conditioning : Conditioning or None
        What is known of a row beside it.
    seed : int
    """

    variant: str
    settings: dict[str, Any]
    training: TrainSettings
    conditioning: Conditioning | None
    seed: int

    def batch(self, x: NDArray[Any], told: NDArray[Any] | None) -> Batch:
        """Bring rows, unlabelled as all are, and what is known of them to where the net is trained."""
        device = devices.resolve(self.training.device)
        batch = Batch.of(torch.from_numpy(x).to(device))
        return batch if told is None else replace(batch, condition=torch.from_numpy(told).to(device))

    def build(self, latent: int, rows: Batch) -> Variant:
        """Make the untrained net of a width for such rows."""
        beside: dict[str, Any] = {}
        if self.conditioning is not None:
            beside = {"known": self.conditioning.known, "known_shape": self.conditioning.known_shape}
        settings = self.settings | {"latent": latent}
        with told_in_python():
            return models.build(self.variant, rows.x.shape[1:], settings, seed=self.seed, **beside).to(rows.x.device)

    def train(
        self,
        rows: Batch,
        validation: Batch,
        *,
        watch: Watch,
        noting: Callable[[Variant], AbstractContextManager[Callable[[Record], None]]],
    ) -> tuple[Variant, Widths | None]:
        """Train a net, of the width that proves wide enough where ``latent`` is ``auto``.

        Parameters
        ----------
        rows, validation : Batch
        watch : Watch
            Shows the epochs that a width is tried for.
        noting : callable
            Takes the net, and gives what notes each epoch of its training.

        Returns
        -------
        Variant
            With the weights of its best epoch.
        Widths or None
            What was tried.
        """
        batches: dict[str, Any] = {"train": rows, "validation": validation}
        batches |= {"settings": self.training, "seed": self.seed}
        latent, widths = self.settings["latent"], None
        with _threads(self.training.threads), tempfile.TemporaryDirectory() as folder:
            if latent == AUTO:
                widths = choose(
                    lambda width: self.build(width, rows),
                    **batches,
                    **ends(models.get(self.variant), self.settings),
                    folder=Path(folder, "widths"),
                    watch=watch,
                )
                latent = widths.chosen
            model = self.build(latent, rows)
            check_support(rows.x, model.likelihood.support)
            with noting(model) as note:
                fit(model, **batches, folder=Path(folder), on_epoch=note)
        return model, widths


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Compute with so many threads, on which the last bits of a result depend, and then with as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
