"""The mean squared error."""

from torch import Tensor

from hourglass.scores.shared.score import Score
from hourglass.scores.shared.seen import Seen


class MSE(Score):
    """The mean squared residual; it learns nothing.

    Source: Hawkins et al. 2002, "Outlier detection using replicator neural networks".
    """

    def learn(self, seen: Seen, *, robust: bool) -> None:
        """Learn nothing."""

    def parts(self, seen: Seen) -> Tensor:
        return seen.residual.square() / seen.residual.shape[1]

    def forward(self, seen: Seen) -> Tensor:
        return seen.residual.square().mean(1)
