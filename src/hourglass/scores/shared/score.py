"""The contract of a score."""

from collections.abc import Sequence
from typing import ClassVar, Self

import torch
from torch import Tensor, nn

from hourglass.scores.shared.seen import Seen

#: Share of the rows that a fit leaves out where there may be anomalies among them.
TRIMMED = 0.1


class Score(nn.Module):
    """How anomalous rows are, as a sum over their numbers: 0 or more each, larger is more anomalous.

    A subclass gives `learn` and `parts`. What it learns are buffers, so that it lies in the graph of a package. The
    first line of its docstring describes it, a ``Source:`` line names the paper.

    Parameters
    ----------
    image : sequence of int
        Channels, height and width of a row; () where rows are no images.
    """

    #: Codes that the net decodes for each row; the more, the fewer rows it is given at once.
    decodings: ClassVar[int] = 1

    def __init__(self, image: Sequence[int] = ()) -> None:
        super().__init__()
        self.image = tuple(image)

    @torch.no_grad()
    def fit(self, seen: Seen, *, robust: bool = False) -> Self:
        """Learn what rows of training look like.

        Parameters
        ----------
        seen : Seen
            Rows that the net was trained or stopped on, two at least; none of those that set the threshold.
        robust : bool
            Whether there may be anomalies among them: then the tenth of the rows that the score finds worst is left
            out, and it is learnt again.
        """
        self.learn(seen, robust=robust)
        if robust:
            kept = self.of_learnt(seen).argsort(stable=True)[: max(2, round((1 - TRIMMED) * len(seen)))]
            self.learn(seen.take(kept.sort().values), robust=robust)
        return self

    def learn(self, seen: Seen, *, robust: bool) -> None:
        """Set the buffers by rows; of `robust` ones some may be anomalies."""
        raise NotImplementedError

    def parts(self, seen: Seen) -> Tensor:
        """Divide the scores among the numbers of rows: shape (rows, numbers)."""
        raise NotImplementedError

    def margin(self, seen: Seen) -> Tensor:
        """Tell how far rows are from where rounding alone changes their parts by a leap: shape (rows,), 0 at a tie."""
        return torch.full_like(seen.x[:, 0], torch.inf)

    def of_learnt(self, seen: Seen) -> Tensor:
        """Score the rows that it was learnt from, as if each hadn't been among them: shape (rows,)."""
        return self.forward(seen)

    def forward(self, seen: Seen) -> Tensor:
        """Score rows: shape (rows,)."""
        return self.parts(seen).sum(1)


def divided(among: Tensor, beside: Tensor) -> Tensor:
    """Add a number of each row to its parts, in proportion to them; in equal parts where all are 0.

    This is how what a code says of a row, which belongs to no single column, comes to the columns.

    Parameters
    ----------
    among : Tensor of shape (rows, numbers)
        0 or more.
    beside : Tensor of shape (rows,)
    """
    return among + beside[:, None] * shares(among)


def shares(of: Tensor) -> Tensor:
    """Give the shares of numbers of shape (rows, numbers), 0 or more, in the sum of their row; equal ones of zeros."""
    whole = of.sum(1, keepdim=True)
    return torch.where(whole > 0, of / whole.clamp(min=torch.finfo(whole.dtype).tiny), 1 / of.shape[1])
