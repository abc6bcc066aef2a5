"""Quantisers: each piece of a code becomes one of finitely many vectors.

The gradient passes straight through (Bengio, Leonard & Courville 2013; van den Oord et al. 2017, section 3.2).
"""

from math import atanh
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from hourglass.models.shared.sharing import whole

QuantiserName = Literal["codebook", "residual", "finite"]

#: Share of the past in the running counts and sums (van den Oord et al. 2017, appendix A.1).
_DECAY = 0.99
#: An entry with fewer vectors than this share of the mean is dead.
_DEAD = 0.01
_KMEANS_STEPS = 10
_LEAST_COUNT = 1e-3


class Quantised(NamedTuple):
    """Pieces of codes as vectors of the quantiser.

    Parameters
    ----------
    z : Tensor of shape (batch, pieces, width)
        Quantised; its gradient is that of what came in.
    entries : Tensor of shape (batch, pieces, depth), int64
        Which they are.
    commitment : Tensor of shape (batch,) or None
        Squared distance of what came in to its entries, summed; its gradient pulls only what came in. None where there
        are no entries to stay close to.
    """

    z: Tensor
    entries: Tensor
    commitment: Tensor | None


class Quantiser(nn.Module):
    """Maps vectors to entries.

    Parameters
    ----------
    width : int
        Of a vector.
    entries : int
        Values of an index.
    depth : int
        Indices that a vector gets.
    """

    def __init__(self, width: int, entries: int, depth: int = 1) -> None:
        super().__init__()
        self.width, self.entries, self.depth = width, entries, depth

    def forward(self, z: Tensor, generator: torch.Generator) -> Quantised:
        """Quantise pieces of shape (batch, pieces, width); in training, learn from them."""
        raise NotImplementedError

    def nearest(self, z: Tensor) -> Tensor:
        """Give the entries of pieces: int64 of shape (batch, pieces, depth)."""
        raise NotImplementedError

    def look_up(self, index: Tensor) -> Tensor:
        """Give the vectors, of shape (batch, pieces, width), of entries as `nearest` gives them."""
        raise NotImplementedError

    def margin(self, z: Tensor) -> Tensor:
        """Tell how clearly each row's entries are the nearest: shape (batch,), 0 at a tie; rounding is some 1e-6."""
        raise NotImplementedError


class Codebook(Quantiser):
    """Entries that are running means of the vectors which chose them, started by k-means on the first batch.

    An entry that nobody chooses is put in the place of a vector of the batch. Counts and sums always belong to the
    entries as they stand: after the start they are those of the clusters, after a revival those of the vector; else the
    next step would take either back.
    """

    codebook: Tensor
    counts: Tensor
    sums: Tensor

    def __init__(self, width: int, entries: int) -> None:
        super().__init__(width, entries)
        self.register_buffer("codebook", torch.randn(entries, width))
        self.register_buffer("counts", torch.zeros(entries))
        self.register_buffer("sums", torch.zeros(entries, width))
        self._started = False

    def forward(self, z: Tensor, generator: torch.Generator) -> Quantised:
        if self.training and not self._started:
            self._start(whole(z.detach()).flatten(0, -2), generator)
        index = self.nearest(z.detach())
        chosen = self.look_up(index)
        if self.training:
            self._move(whole(z.detach()).flatten(0, -2), whole(index).flatten(), generator)
        return Quantised(z + (chosen - z).detach(), index, (z - chosen).square().flatten(1).sum(1))

    def nearest(self, z: Tensor) -> Tensor:
        return self._distances(z).argmin(-1, keepdim=True)

    def look_up(self, index: Tensor) -> Tensor:
        return self.codebook[index.squeeze(-1)]

    def margin(self, z: Tensor) -> Tensor:
        first, second = self._distances(z).topk(2, largest=False).values.unbind(-1)
        size = z.square().sum(-1) + self.codebook.square().sum(1).max()
        return ((second - first) / size).flatten(1).amin(1)

    def _distances(self, z: Tensor) -> Tensor:
        """Squared distances to the entries, less what is the same for all."""
        return self.codebook.square().sum(1) - 2 * z @ self.codebook.T

    def _start(self, vectors: Tensor, generator: torch.Generator) -> None:
        """Lay the entries by k-means, unless a checkpoint brought them."""
        self._started = True
        if self.counts.any():
            return
        self.codebook = vectors[_places(len(vectors), self.entries, generator)]
        for _ in range(_KMEANS_STEPS):
            counts, sums = _gather(vectors, self._distances(vectors).argmin(1), self.entries)
            self.codebook = torch.where(counts[:, None] > 0, sums / counts[:, None].clamp_min(1), self.codebook)
        self.counts = counts.clamp_min(_LEAST_COUNT)
        self.sums = self.codebook * self.counts[:, None]

    def _move(self, vectors: Tensor, index: Tensor, generator: torch.Generator) -> None:
        counts, sums = _gather(vectors, index, self.entries)
        counts, sums = self.counts.lerp(counts, 1 - _DECAY), self.sums.lerp(sums, 1 - _DECAY)
        mean = counts.mean()
        dead = counts < _DEAD * mean
        newcomers = vectors[_places(len(vectors), self.entries, generator)]
        self.sums = torch.where(dead[:, None], newcomers * mean, sums)
        self.counts = torch.where(dead, mean, counts)
        self.codebook = self.sums / self.counts[:, None]


class Residual(Quantiser):
    """Two codebooks, the second for what the first leaves over (Zeghidour et al. 2021, algorithm 1)."""

    def __init__(self, width: int, entries: int) -> None:
        super().__init__(width, entries, depth=2)
        self.first, self.second = Codebook(width, entries), Codebook(width, entries)

    def forward(self, z: Tensor, generator: torch.Generator) -> Quantised:
        coarse = self.first(z, generator)
        fine = self.second(z - coarse.z.detach(), generator)
        quantised = coarse.z.detach() + fine.z.detach()
        entries = torch.cat([coarse.entries, fine.entries], -1)
        return Quantised(z + (quantised - z).detach(), entries, coarse.commitment + fine.commitment)

    def nearest(self, z: Tensor) -> Tensor:
        coarse = self.first.nearest(z)
        return torch.cat([coarse, self.second.nearest(z - self.first.look_up(coarse))], -1)

    def look_up(self, index: Tensor) -> Tensor:
        coarse, fine = index.chunk(2, -1)
        return self.first.look_up(coarse) + self.second.look_up(fine)

    def margin(self, z: Tensor) -> Tensor:
        left = z - self.first.look_up(self.first.nearest(z))
        return torch.minimum(self.first.margin(z), self.second.margin(left))


class Finite(Quantiser):
    """Rounds each number to one of `levels` values; no entries to learn (Mentzer et al. 2024, "FSQ", section 3.1)."""

    basis: Tensor
    values: Tensor

    def __init__(self, width: int, levels: int) -> None:
        super().__init__(width, levels**width)
        self.levels = levels
        self.register_buffer("basis", levels ** torch.arange(width), persistent=False)
        self.register_buffer("values", self._vectors(torch.arange(levels) - levels // 2), persistent=False)

    def forward(self, z: Tensor, generator: torch.Generator) -> Quantised:
        bounded = self._bound(z)
        return Quantised(self._vectors(bounded + (bounded.round() - bounded).detach()), self.nearest(z), None)

    def nearest(self, z: Tensor) -> Tensor:
        grid = self._bound(z).round().long() + self.levels // 2
        return (grid * self.basis).sum(-1, keepdim=True)

    def look_up(self, index: Tensor) -> Tensor:
        return self.values[index // self.basis % self.levels]

    def margin(self, z: Tensor) -> Tensor:
        bounded = self._bound(z)
        return (0.5 - (bounded - bounded.round()).abs()).flatten(1).amin(1) / self.levels

    def _bound(self, z: Tensor) -> Tensor:
        """Squash so that exactly `levels` whole numbers lie in the image, for even counts too."""
        half = (self.levels - 1) * (1 - 1e-3) / 2
        offset = 0.5 * (self.levels % 2 == 0)
        return torch.tanh(z + atanh(offset / half)) * half - offset

    def _vectors(self, grid: Tensor) -> Tensor:
        return grid / (self.levels // 2)


QUANTISERS: dict[QuantiserName, type[Codebook] | type[Residual] | type[Finite]] = {
    "codebook": Codebook,
    "residual": Residual,
    "finite": Finite,
}


def _gather(vectors: Tensor, index: Tensor, entries: int) -> tuple[Tensor, Tensor]:
    """Count and sum the vectors of each entry."""
    # a matrix, for adding up by index isn't reproducible on a GPU; by hand, for one_hot looks at the numbers
    chosen = (index[:, None] == torch.arange(entries, device=index.device)).to(vectors.dtype)
    return chosen.sum(0), chosen.T @ vectors


def _places(rows: int, count: int, generator: torch.Generator) -> Tensor:
    """Choose places, each at most once where there are enough."""
    if rows < count:
        return torch.randint(0, rows, (count,), generator=generator, device=generator.device)
    return torch.randperm(rows, generator=generator, device=generator.device)[:count]
