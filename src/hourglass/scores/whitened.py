"""The Mahalanobis distance of residuals."""

from torch import Tensor

from hourglass.scores.shared.score import Score
from hourglass.scores.shared.seen import Seen
from hourglass.scores.shared.whitening import Whitening


class Whitened(Score):
    """The squared Mahalanobis distance of the residual from those of training, over its numbers.

    Source: Mahalanobis 1936, "On the generalised distance in statistics".
    """

    def learn(self, seen: Seen, *, robust: bool) -> None:
        self.whitening = Whitening.fit(seen.residual)

    def parts(self, seen: Seen) -> Tensor:
        white: Tensor = self.whitening(seen.residual)
        return white.square() / white.shape[1]
