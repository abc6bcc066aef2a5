"""The distance to the nearest prototypes."""

from collections.abc import Sequence
from math import sqrt
from typing import ClassVar

import torch
from torch import Tensor

from hourglass.scores.shared.lens import Lens
from hourglass.scores.shared.prototypes import prototypes, squares
from hourglass.scores.shared.score import Score, divided
from hourglass.scores.shared.seen import Seen
from hourglass.scores.shared.spread import spread

#: Prototypes, at most, and how many of the nearest count; and both where anomalies may be among the rows.
_MOST, _NEAREST = 2_000, 2
_MOST_ROBUST, _NEAREST_ROBUST = 32, 5
#: Share of the rows that a prototype stands for, at least, where anomalies may be among them: they might be alike.
_LEAST_ROBUST = 0.01
#: Numbers of all prototypes together, at most: 8 MiB of float32.
_NUMBERS = 2**21


class Nearest(Score):
    """The mean squared distance to the nearest prototypes, over the numbers of a row.

    Codes are scaled to unit variance; rows and residuals are in the net's units, where they can be compared. The
    nearest are found by one matrix product; distances are then taken number by number, without what it rounds off.
    Images are compared as a `Lens` shows them.
    """

    #: Whether rows themselves are compared, and not only what the net makes of them; then a square of a code or of a
    #: residual counts a half, so that both together count as much as the row.
    with_rows: ClassVar[bool]
    spread: Tensor
    centres: Tensor

    def __init__(self, image: Sequence[int] = ()) -> None:
        super().__init__(image)
        self.lens = Lens(image)

    def learn(self, seen: Seen, *, robust: bool) -> None:
        self.lens.fit(seen.x)
        self.register_buffer("spread", spread(seen.z))
        rows = self._features(seen)
        most = min(_MOST_ROBUST if robust else _MOST, max(2, _NUMBERS // rows.shape[1]))
        self.register_buffer("centres", prototypes(rows, most, _LEAST_ROBUST if robust else 0.0))
        self.count = min(_NEAREST_ROBUST if robust else _NEAREST, len(self.centres))

    def parts(self, seen: Seen) -> Tensor:
        rows = self._features(seen)
        nearest = squares(rows, self.centres).topk(self.count, largest=False).indices
        apart = (rows[:, None] - self.centres[nearest]).square().mean(1) / seen.x.shape[1]
        code, *blocks = torch.split(apart, [seen.z.shape[1], *[seen.x.shape[1]] * (1 + self.with_rows)], 1)
        return divided(sum(blocks[1:], blocks[0]), code.sum(1))

    def margin(self, seen: Seen) -> Tensor:
        """Tell by how much the nearest that don't count are further than those that do, in what rounding depends on."""
        if self.count == len(self.centres):
            return super().margin(seen)
        rows = self._features(seen)
        apart = squares(rows, self.centres).topk(self.count + 1, largest=False).values
        size = rows.square().sum(1) + self.centres.square().sum(1).max()
        return (apart[:, -1] - apart[:, -2]) / size.clamp(min=torch.finfo(size.dtype).tiny)

    def of_learnt(self, seen: Seen) -> Tensor:
        rows = self._features(seen)
        apart = squares(rows, self.centres) + rows.square().sum(1, keepdim=True)
        own = apart <= 1e-6 * rows.square().sum(1, keepdim=True)  # rows that are prototypes themselves
        return apart.masked_fill(own, torch.inf).topk(self.count, largest=False).values.mean(1)

    def _features(self, seen: Seen) -> Tensor:
        x, residual = self.lens(seen.x, seen.residual)
        made = torch.cat([seen.z / self.spread, residual], 1)
        return torch.cat([sqrt(0.5) * made, x], 1) if self.with_rows else made
