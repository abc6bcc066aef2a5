"""The conditional variational autoencoder."""

from collections.abc import Sequence
from typing import Annotated, Any

import torch
from torch import Tensor

from hourglass.models.shared.batch import Batch
from hourglass.models.shared.diagnostics import posterior
from hourglass.models.shared.divergences import gaussian_kl, reparameterise
from hourglass.models.shared.elbo import ELBO
from hourglass.models.shared.sharing import drawn
from hourglass.models.shared.sigma import bounded_logvar
from hourglass.models.shared.terms import Context, Term
from hourglass.settings import Setting


class CVAE(ELBO):
    """A VAE that is told what is known of a row: its class, covariates, or another image.

    Some rows' conditions are hidden in training, so it can do without: a hidden one is 0 throughout.

    Source: Sohn, Lee & Yan 2015, "Learning structured output representation using deep conditional generative models",
    section 4.1, with the prior N(0, 1); hidden conditions: Ho & Salimans 2022, "Classifier-free diffusion guidance".
    """

    conditional = True

    def __init__(
        self,
        shape: Sequence[int],
        known: int = 0,
        *,
        hidden_share: Annotated[float, Setting("share of rows that training hides the condition of", ge=0, lt=1)] = 0.1,
        **settings: Any,
    ) -> None:
        super().__init__(shape, known=known, **settings)
        self.hidden_share = hidden_share

    def encode(self, x: Tensor, condition: Tensor | None = None) -> dict[str, Tensor]:
        """Give the posterior given row and condition, of shape (batch, known); None: nothing is known."""
        mu, logvar = self.encoder(x, condition).chunk(2, dim=1)
        return {"z": mu, "logvar": bounded_logvar(logvar)}

    def decode(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.likelihood.mean(self.decoder(z, condition))

    def reconstruct(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.decode(self.encode(x, condition)["z"], condition)

    def losses(self, batch: Batch, context: Context) -> dict[str, Term]:
        """Equation 5 of Sohn et al.: the two halves of the negative ELBO of log p(x | condition), in nats."""
        condition = self._hide(batch.condition, context.generator)
        mu, logvar = self.encode(batch.x, condition).values()
        z = reparameterise(mu, logvar, context.generator)
        reconstruction = Term(self.likelihood.nll(self.decoder(z, condition), batch.target))
        return {"reconstruction": reconstruction, **self.weigh(gaussian_kl(mu, logvar), context.kl_weight)}

    def diagnose(self, batch: Batch, generator: torch.Generator) -> dict[str, float]:
        mu, logvar = self.encode(batch.x, batch.condition).values()
        return posterior(mu, logvar, generator)

    def _hide(self, condition: Tensor | None, generator: torch.Generator) -> Tensor | None:
        if condition is None or not self.training:
            return condition
        chance = drawn(torch.rand, (len(condition),), generator=generator, device=condition.device)
        return condition * (chance >= self.hidden_share)[:, None]
