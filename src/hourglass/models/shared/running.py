"""Numbers of the batch in training, of the batches before in evaluation."""

import torch
from torch import Tensor, nn

from hourglass.models.shared.sharing import rows_of_all

#: Share of a batch in the running mean, after the first twenty.
_RATE = 0.05
#: Rows below which a batch, such as the rest of an epoch, says little: the mean then stands for it.
FEW = 8


class Running(nn.Module):
    """Passes numbers of a training batch through, with their gradient, and keeps running means for evaluation.

    A row's loss in evaluation then doesn't depend on the rows beside it.

    Parameters
    ----------
    shape : tuple of int
        Of what is kept; () for one number.
    start : float
        What stands for the mean before the first batch.
    """

    mean: Tensor
    batches: Tensor

    def __init__(self, shape: tuple[int, ...] = (), start: float = 1.0) -> None:
        super().__init__()
        self.register_buffer("mean", torch.full(shape, start))
        self.register_buffer("batches", torch.tensor(0.0))

    def forward(self, value: Tensor, rows: int) -> Tensor:
        """Take what a batch of so many rows says."""
        if not self.training or rows_of_all(rows) < FEW:
            return self.mean
        self.batches = self.batches + 1
        self.mean = self.mean.lerp(value.detach(), (1 / self.batches).clamp_min(_RATE))
        return value
