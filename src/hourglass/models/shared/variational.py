"""What variational variants share: an encoder that gives a Gaussian posterior."""

from collections.abc import Sequence
from typing import Annotated, Any

import torch
from torch import Tensor

from hourglass.models.shared.batch import Batch
from hourglass.models.shared.diagnostics import posterior
from hourglass.models.shared.likelihoods import LikelihoodName
from hourglass.models.shared.priors import Gaussian
from hourglass.models.shared.sigma import bounded_logvar
from hourglass.models.shared.variant import Variant
from hourglass.settings import Setting


class Variational(Variant):
    """A variant with q(z | x) = N(mu, exp(logvar)) and the prior N(0, 1)."""

    per_unit = 2
    weighs_kl = True

    def __init__(
        self,
        shape: Sequence[int],
        *,
        likelihood: Annotated[LikelihoodName, Setting("p(x | z)")] = "gaussian",
        **settings: Any,
    ) -> None:
        super().__init__(shape, likelihood=likelihood, **settings)
        self.prior = Gaussian(self.latent)

    def encode(self, x: Tensor) -> dict[str, Tensor]:
        """Give the posterior's mean as ``"z"`` and its ``"logvar"``, both of shape (batch, latent)."""
        mu, logvar = self.encoder(x).chunk(2, dim=1)
        return {"z": mu, "logvar": bounded_logvar(logvar)}

    def diagnose(self, batch: Batch, generator: torch.Generator) -> dict[str, float]:
        """Tell active units, mutual information and the KL of each unit."""
        mu, logvar = self.encode(batch.x).values()
        return posterior(mu, logvar, generator)
