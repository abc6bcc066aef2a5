"""What a variational net says of rows, as scores see it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from hourglass.models.shared.divergences import gaussian_kl


@dataclass(frozen=True)
class Posterior:
    """q(z | x) = N(mu, exp(logvar)) of each row, and what codes are decoded into.

    Parameters
    ----------
    mu, logvar : Tensor of shape (rows, latent)
    decode : callable
        Gives rows of shape (codes, *shape) for codes of shape (codes, latent) and what is known of each.
    told : tuple of Tensor
        What a conditional variant is told of the rows.
    """

    mu: Tensor
    logvar: Tensor
    decode: Callable[..., Tensor]
    told: tuple[Tensor, ...] = ()

    @classmethod
    def together(cls, parts: Sequence[Self]) -> Self:
        """Put the posteriors of some rows behind those of others, of one net."""
        mu, logvar = (torch.cat([getattr(part, name) for part in parts]) for name in ("mu", "logvar"))
        told = tuple(torch.cat(of_parts) for of_parts in zip(*(part.told for part in parts), strict=True))
        return cls(mu, logvar, parts[0].decode, told)

    def take(self, which: Tensor) -> Self:
        """Take some rows, by a mask of shape (rows,) or by their places."""
        told = tuple(known[which] for known in self.told)
        return type(self)(self.mu[which], self.logvar[which], self.decode, told)

    def kl(self) -> Tensor:
        """KL of the posterior from N(0, 1), in nats: shape (rows,)."""
        return gaussian_kl(self.mu, self.logvar).sum(1).clamp(min=0)

    def decoded(self, z: Tensor) -> Tensor:
        """Decode several codes of each row, of shape (rows, draws, latent): shape (rows, draws, numbers)."""
        told = (known[:, None].expand(-1, z.shape[1], -1).flatten(0, 1) for known in self.told)
        flat = self.decode(z.flatten(0, 1), *told).flatten(1)
        return flat.view(-1, z.shape[1], flat.shape[1])
