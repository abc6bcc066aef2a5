"""The adversarial autoencoder."""

from collections.abc import Sequence
from typing import Annotated, Any

import torch
from torch.nn.functional import softplus

from hourglass.models.shared.batch import Batch
from hourglass.models.shared.discriminating import Discriminating
from hourglass.models.shared.divergences import mmd
from hourglass.models.shared.priors import PRIORS, Prior, PriorName
from hourglass.models.shared.terms import Context, Term
from hourglass.settings import Setting


class Adversarial(Discriminating):
    """Codes that a discriminator can't tell from draws of the prior.

    The epoch to keep is chosen by reconstruction and MMD, never by the game's losses, which say nothing about progress.

    Source: Makhzani et al. 2016, "Adversarial autoencoders"; the encoder maximises log D, the non-saturating loss of
    Goodfellow et al. 2014, and the discriminator is kept smooth on the prior, without which the game goes round in
    circles: Mescheder, Geiger & Nowozin 2018, "Which training methods for GANs do actually converge?", equation 9.
    """

    monitor = ("reconstruction", "mmd")
    couples_rows = True

    def __init__(
        self,
        shape: Sequence[int],
        *,
        prior: Annotated[PriorName, Setting("distribution that the codes of all rows shall have")] = "gaussian",
        deception: Annotated[float, Setting("weight of deceiving the discriminator", gt=0, le=1_000_000)] = 0.1,
        discrepancy: Annotated[
            float, Setting("weight of the MMD in choosing the epoch to keep", ge=0, le=1_000_000)
        ] = 1.0,
        smoothness: Annotated[float, Setting("weight of the discriminator's squared slope", gt=0, le=1000)] = 0.1,
        **settings: Any,
    ) -> None:
        super().__init__(shape, **settings)
        self.prior: Prior = PRIORS[prior](self.latent)
        self.deception, self.discrepancy, self.smoothness = deception, discrepancy, smoothness

    def losses(self, batch: Batch, context: Context) -> dict[str, Term]:
        """Reconstruction, and ``-log D(z)``; in evaluation the MMD of codes and prior in its place."""
        z = self.encode(batch.x)["z"]
        terms = {"reconstruction": Term(self.likelihood.nll(self.decoder(z), batch.target))}
        if self.training:
            return terms | {"deception": Term(softplus(-self._logit(z)), self.deception)}
        return terms | {"mmd": Term(mmd(z, self.prior.draw(len(z), context.generator)), self.discrepancy)}

    def judge(self, batch: Batch, context: Context) -> dict[str, Term]:
        """``-log D(prior) - log(1 - D(z))``, half and half, on logits; and the squared slope of the logit there."""
        z = self.encode(batch.x)["z"].detach()
        drawn = self.prior.draw(len(z), context.generator).requires_grad_()
        real = self._logit(drawn)
        (slope,) = torch.autograd.grad(real.sum(), drawn, create_graph=True)
        return {
            "discriminator": Term(0.5 * (softplus(-real) + softplus(self._logit(z)))),
            "slope": Term(slope.square().sum(1), self.smoothness),
        }
