"""A memory and a Gaussian together."""

from collections.abc import Sequence

import torch
from torch import Tensor

from hourglass.scores.gaussian import Gaussian
from hourglass.scores.memory import Memory
from hourglass.scores.shared.score import Score
from hourglass.scores.shared.seen import Seen


class Blend(Score):
    """The geometric mean of `memory` and `gaussian`, so that neither's unit matters.

    Source: Kittler et al. 1998, "On combining classifiers", the product rule.
    """

    def __init__(self, image: Sequence[int] = ()) -> None:
        super().__init__(image)
        self.memory, self.gaussian = Memory(image), Gaussian(image)

    def learn(self, seen: Seen, *, robust: bool) -> None:
        self.memory.learn(seen, robust=robust)
        self.gaussian.learn(seen, robust=robust)

    def parts(self, seen: Seen) -> Tensor:
        both = [self.memory.parts(seen), self.gaussian.parts(seen)]
        totals = [parts.sum(1, keepdim=True).clamp(min=torch.finfo(parts.dtype).tiny) for parts in both]
        shares = sum(parts / total for parts, total in zip(both, totals, strict=True)) / 2
        return (totals[0].sqrt() * totals[1].sqrt()) * shares

    def margin(self, seen: Seen) -> Tensor:
        return self.memory.margin(seen)

    def of_learnt(self, seen: Seen) -> Tensor:
        return self.memory.of_learnt(seen) * self.gaussian.forward(seen)
