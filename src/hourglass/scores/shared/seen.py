"""What a net makes of rows, as scores see it."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from hourglass.models.shared.variant import Variant

#: Rows that go through a net at once.
_AT_ONCE = 4096


@dataclass(frozen=True)
class Seen:
    """Rows, their codes and their residuals, each row flat.

    Parameters
    ----------
    x : Tensor of shape (rows, numbers)
        In the net's units.
    z : Tensor of shape (rows, latent)
    residual : Tensor of shape (rows, numbers)
        Reconstruction minus row.
    """

    x: Tensor
    z: Tensor
    residual: Tensor

    @classmethod
    def of(cls, x: Tensor, z: Tensor, x_hat: Tensor) -> Self:
        """Take rows of shape (rows, *shape), their codes, and what these were decoded into."""
        return cls(x.flatten(1), z, (x_hat - x).flatten(1))

    @classmethod
    def by(cls, model: Variant, x: Tensor, *told: Tensor) -> Self:
        """Encode and decode rows of shape (rows, *shape); a conditional variant is told `told`."""
        z = model.encode(x, *told)["z"]
        return cls.of(x, z, model.rebuild(x, z, *told))

    @classmethod
    def in_blocks(cls, model: Variant, x: Tensor, *told: Tensor) -> Self:
        """Do what `by` does, some rows at a time and without gradients."""
        with torch.no_grad():
            blocks = zip(*(torch.split(given, _AT_ONCE) for given in (x, *told)), strict=True)
            seen = [cls.by(model, *block) for block in blocks]
        return cls(*(torch.cat([getattr(part, name) for part in seen]) for name in ("x", "z", "residual")))

    def __len__(self) -> int:
        return len(self.x)

    def take(self, which: Tensor) -> Self:
        """Take some rows, by a mask of shape (rows,) or by their places."""
        return type(self)(self.x[which], self.z[which], self.residual[which])
