"""The Mahalanobis distance of codes."""

from torch import Tensor

from hourglass.scores.shared.score import Score, shares
from hourglass.scores.shared.seen import Seen
from hourglass.scores.shared.whitening import Whitening


class Latent(Score):
    """The squared Mahalanobis distance of the code from those of training, over its numbers: a Gaussian's log-density.

    It doesn't look at the residual: what a net can't rebuild is no odder for it. A code belongs to no number of a row;
    each number's part goes with its squared distance from the mean of training.

    Source: Lee et al. 2018, "A simple unified framework for detecting out-of-distribution samples and adversarial
    attacks".
    """

    mean: Tensor

    def learn(self, seen: Seen, *, robust: bool) -> None:
        self.whitening = Whitening.fit(seen.z)
        self.register_buffer("mean", seen.x.mean(0))

    def parts(self, seen: Seen) -> Tensor:
        distance = self.whitening(seen.z).square().mean(1, keepdim=True)
        part: Tensor = distance * shares((seen.x - self.mean).square())
        return part
