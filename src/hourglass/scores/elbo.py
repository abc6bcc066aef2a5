"""The negative evidence lower bound."""

from torch import Tensor

from hourglass.scores.shared.score import Score, divided
from hourglass.scores.shared.seen import Seen
from hourglass.scores.shared.widths import variances


class ELBO(Score):
    """The negative ELBO with its expectation taken at the posterior's mean, in nats: residual and KL; without a draw.

    ``sum_j r_j^2 / (2 sigma_j^2) + KL(q(z | x) || N(0, 1))``: p(x | z) is a Gaussian around the decoder's mean,
    whatever the likelihood of training was. Its width for each number is the one under which the residuals of training
    are most probable. Its constant is left out, so a row that is rebuilt exactly from a code that says nothing has 0.
    Only variants with a posterior have this score.

    Sources: Kingma & Welling 2014, "Auto-encoding variational Bayes", equation 10, with the mean for the draw; Rybkin,
    Daniilidis & Levine 2021, "Simple and effective VAE training with calibrated decoders", of the width.
    """

    variance: Tensor

    def learn(self, seen: Seen, *, robust: bool) -> None:
        seen.posterior_for("elbo")
        self.register_buffer("variance", variances(seen.residual.square().mean(0)))

    def parts(self, seen: Seen) -> Tensor:
        return divided(seen.residual.square() / (2 * self.variance), seen.posterior_for("elbo").kl())
