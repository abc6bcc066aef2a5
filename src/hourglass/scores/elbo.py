"""The negative evidence lower bound."""

from torch import Tensor

from hourglass.errors import HourglassError
from hourglass.scores.shared.score import Score, divided
from hourglass.scores.shared.seen import Seen

#: Least width of a number, in times of the root mean square of all.
_FLOOR = 0.02


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
        _kl(seen)
        variance = seen.residual.square().mean(0)
        floor = _FLOOR**2 * float(variance.mean()) or 1.0
        self.register_buffer("variance", variance.clamp(min=floor))

    def parts(self, seen: Seen) -> Tensor:
        return divided(seen.residual.square() / (2 * self.variance), _kl(seen))


def _kl(seen: Seen) -> Tensor:
    if seen.kl is None:
        raise HourglassError(
            "the score elbo is for variants whose encoder gives a posterior, such as vae; set another anomaly.score "
            "(scoring of an estimator), or train such variants alone."
        )
    return seen.kl
