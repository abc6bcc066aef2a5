"""The sparse autoencoder."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import torch
from torch import Tensor

from hourglass.models.shared.batch import Batch
from hourglass.models.shared.divergences import bernoulli_kl
from hourglass.models.shared.running import Running
from hourglass.models.shared.sharing import averaged, whole
from hourglass.models.shared.terms import Context, Term
from hourglass.models.shared.variant import Variant
from hourglass.settings import Setting

_LEAST_SIZE = 1e-6


class Sparse(Variant):
    """Codes of which only few units are active for any one row, so the code may be wide.

    Source: L1: Bricken et al. 2023, "Towards monosemanticity", here relative to each unit's root mean square, so that
    small codes are no way out. KL: Ng 2011, "Sparse autoencoder" (CS294A). Top-K: Makhzani & Frey 2014, "k-Sparse
    autoencoders", of non-negative codes.
    """

    idle: Tensor

    def __init__(
        self,
        shape: Sequence[int],
        *,
        sparsity: Annotated[
            Literal["l1", "kl", "top_k"],
            Setting("l1: small codes; kl: units active at a rate; top_k: the largest k units and no others"),
        ] = "l1",
        penalty: Annotated[float, Setting("weight of the L1 norm or of the KL", gt=0, le=1_000_000)] = 0.01,
        rate: Annotated[float, Setting("mean activation of a unit (rho), for kl", gt=0, lt=1)] = 0.05,
        k: Annotated[int, Setting("active units, for top_k", ge=1, le=65_536)] = 4,
        revival: Annotated[float, Setting("weight of what pulls dead units back", ge=0, le=10_000)] = 1e-3,
        dead_after: Annotated[int, Setting("rows without activity that make a unit dead", ge=1, le=1e12)] = 10_000,
        **settings: Any,
    ) -> None:
        super().__init__(shape, **settings)
        self.sparsity, self.penalty, self.rate, self.k = sparsity, penalty, rate, min(k, self.latent)
        self.revival, self.dead_after = revival, dead_after
        self.couples_rows = sparsity == "kl"
        if sparsity == "l1":
            self.size = Running((self.latent,))
        self.register_buffer("idle", torch.zeros(self.latent, dtype=torch.int64))

    def encode(self, x: Tensor) -> dict[str, Tensor]:
        """Give non-negative codes of shape (batch, latent), exactly 0 where a unit is inactive (but for kl)."""
        return {"z": self._activate(self.encoder(x))[0]}

    def margin(self, x: Tensor) -> Tensor:
        if self.sparsity != "top_k" or self.k == self.latent:
            return super().margin(x)
        largest = self.encoder(x).relu().topk(self.k + 1, dim=1).values
        gap = (largest[:, -2] - largest[:, -1]) / largest[:, 0].clamp_min(_LEAST_SIZE)
        return torch.where(largest[:, -1] > 0, gap, torch.inf)

    def losses(self, batch: Batch, context: Context) -> dict[str, Term]:
        """``-log p(x | z) + penalty``; how many units are active and dead is measured beside."""
        pre = self.encoder(batch.x)
        z, threshold = self._activate(pre)
        terms = {"reconstruction": Term(self.likelihood.nll(self.decoder(z), batch.target))}
        if self.sparsity == "l1":
            size = self.size(averaged(z.square().mean(0)).clamp_min(_LEAST_SIZE**2).sqrt(), len(z))
            terms["l1"] = Term((z / size).sum(1), self.penalty)
        if self.sparsity == "kl":
            terms["kl_sparsity"] = Term(bernoulli_kl(self.rate, averaged(z.mean(0))).sum().expand(len(z)), self.penalty)
        dead = self._dead(z > threshold)
        terms["revival"] = Term((dead * (threshold - pre).relu()).sum(1), self.revival)
        terms["l0"] = Term((z > threshold).sum(1).to(z.dtype), 0.0)
        terms["dead"] = Term(dead.sum().to(z.dtype).expand(len(z)), 0.0)
        return terms

    def _activate(self, pre: Tensor) -> tuple[Tensor, Tensor | float]:
        """Give the codes, and what a unit has to exceed to be active."""
        if self.sparsity == "kl":
            return pre.sigmoid(), 0.5
        z = pre.relu()
        if self.sparsity == "l1":
            return z, 0.0
        least = z.topk(self.k + 1, dim=1).values[:, -1:].detach() if self.k < self.latent else 0.0
        return z * (z > least), least

    def _dead(self, active: Tensor) -> Tensor:
        """Count the rows since each unit was active, which the rate of the KL keeps above none by itself."""
        if self.training:
            active = whole(active)
            self.idle = torch.where(active.any(0), 0, self.idle + len(active))
        return (self.idle >= self.dead_after) & (self.sparsity != "kl")
