"""What a net makes of rows, as scores see it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from hourglass.models.shared.divergences import gaussian_kl
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
    kl : Tensor of shape (rows,) or None
        KL of the posterior from N(0, 1), in nats; None where a code has no posterior.
    """

    x: Tensor
    z: Tensor
    residual: Tensor
    kl: Tensor | None = None

    @classmethod
    def of(cls, x: Tensor, codes: Mapping[str, Tensor], x_hat: Tensor) -> Self:
        """Take rows of shape (rows, *shape), what they were encoded into, and what that was decoded into."""
        z, logvar = codes["z"], codes.get("logvar")
        kl = None if logvar is None else gaussian_kl(z, logvar).sum(1).clamp(min=0)
        return cls(x.flatten(1), z, (x_hat - x).flatten(1), kl)

    @classmethod
    def by(cls, model: Variant, x: Tensor, *told: Tensor) -> Self:
        """Encode and decode rows of shape (rows, *shape); a conditional variant is told `told`."""
        codes = model.encode(x, *told)
        return cls.of(x, codes, model.rebuild(x, codes["z"], *told))

    @classmethod
    def in_blocks(cls, model: Variant, x: Tensor, *told: Tensor) -> Self:
        """Do what `by` does, some rows at a time and without gradients."""
        with torch.no_grad():
            blocks = zip(*(torch.split(given, _AT_ONCE) for given in (x, *told)), strict=True)
            seen = [cls.by(model, *block) for block in blocks]
        x, z, residual = (torch.cat([getattr(part, name) for part in seen]) for name in ("x", "z", "residual"))
        kl = [part.kl for part in seen if part.kl is not None]
        return cls(x, z, residual, torch.cat(kl) if kl else None)

    def __len__(self) -> int:
        return len(self.x)

    def take(self, which: Tensor) -> Self:
        """Take some rows, by a mask of shape (rows,) or by their places."""
        kl = None if self.kl is None else self.kl[which]
        return type(self)(self.x[which], self.z[which], self.residual[which], kl)
