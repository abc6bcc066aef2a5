"""The Mahalanobis distance of codes and residuals."""

import torch
from torch import Tensor

from hourglass.scores.shared.score import Score, divided
from hourglass.scores.shared.seen import Seen
from hourglass.scores.shared.whitening import Whitening


class Gaussian(Score):
    """The squared Mahalanobis distance of code and residual together, over their numbers: a Gaussian's log-density.

    Source: Mahalanobis 1936, "On the generalised distance in statistics".
    """

    def learn(self, seen: Seen, *, robust: bool) -> None:
        self.whitening = Whitening.fit(_joint(seen))

    def parts(self, seen: Seen) -> Tensor:
        white = self.whitening(_joint(seen))
        squares, latent = white.square() / white.shape[1], seen.z.shape[1]
        return divided(squares[:, latent:], squares[:, :latent].sum(1))


def _joint(seen: Seen) -> Tensor:
    return torch.cat([seen.z, seen.residual], 1)
