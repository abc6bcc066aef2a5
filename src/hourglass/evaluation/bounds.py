"""How much of rows a variational model explains: bounds on log p(x), and what they are made of."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import log
from typing import Any

import torch
from torch import Tensor

from hourglass.models.shared.divergences import gaussian_kl, log_normal, reparameterise
from hourglass.models.shared.variational import Variational

#: Draws per row of the bounds that show the convergence. Each count divides the next, so that they rise.
COUNTS = (1, 10, 100, 1000, 5000)
#: Draws of all rows together that are decoded at once.
_AT_ONCE = 4096
#: Log-weights that are held at once.
_HELD = 2**22


@dataclass(frozen=True)
class Bounds:
    """Whole-set means over rows, in nats a row; of a density they may have any sign.

    Parameters
    ----------
    rows, draws : int
        How many there were, and the draws of each.
    distortion : float
        ``-E_q log p(x | z)``.
    rate : float
        ``KL(q(z | x) || p(z))``, at least 0.
    iwae : dict of int to (float, float)
        Draws to the importance-weighted bound and its standard error over rows.
    """

    rows: int
    draws: int
    distortion: float
    rate: float
    iwae: dict[int, tuple[float, float]]

    @property
    def elbo(self) -> float:
        """The evidence lower bound, whatever weights training gave its halves: higher is better."""
        return -(self.distortion + self.rate)

    def content(self) -> dict[str, Any]:
        """Describe the bounds as JSON."""
        iwae = [{"draws": k, "bound": bound, "se": error} for k, (bound, error) in self.iwae.items()]
        facts = {"rows": self.rows, "draws": self.draws, "distortion": self.distortion, "rate": self.rate}
        return facts | {"elbo": self.elbo, "iwae": iwae}


def counts_up_to(draws: int) -> tuple[int, ...]:
    """Give the counts of draws that divide each other and end with `draws`."""
    counts = [draws]
    for count in reversed(COUNTS):
        if count < counts[0] and counts[0] % count == 0:
            counts.insert(0, count)
    return tuple(counts)


@torch.no_grad()
def bounds(
    net: Variational,
    x: Tensor,
    condition: Tensor | None = None,
    *,
    draws: int = COUNTS[-1],
    generator: torch.Generator,
    at_once: int = _AT_ONCE,
) -> Bounds:
    """Estimate the ELBO's two halves, and the importance-weighted bounds of ever more draws.

    The bound of k draws is ``log mean_k p(x, z) / q(z | x)`` with draws z of q (Burda, Grosse & Salakhutdinov 2016,
    equation 8): at least the ELBO, at most log p(x), and in expectation rising with k. It is averaged over all groups
    of k among the same draws, so the bounds rise here, too. Rate and distortion are those of Alemi et al. 2018,
    "Fixing a broken ELBO", section 2.

    Parameters
    ----------
    net : Variational
        In evaluation mode, with a likelihood in nats.
    x : Tensor of shape (rows, *shape)
        In the net's units.
    condition : Tensor of shape (rows, known), optional
        What a conditional net is told of each.
    draws : int
        Of each row.
    generator : torch.Generator
        On the device of the rows.
    at_once : int
        Draws that are decoded at once.
    """
    counts = counts_up_to(draws)
    told = () if condition is None else (condition,)
    mu, logvar = net.encode(x, *told).values()
    distortion = x.new_zeros((), dtype=torch.float64)
    sums = {count: x.new_zeros(2, dtype=torch.float64) for count in counts}
    for start in range(0, len(x), max(1, _HELD // draws)):
        part = slice(start, start + max(1, _HELD // draws))
        of_part = tuple(values[part] for values in (x, mu, logvar, *told))
        found = zip(*_weigh(net, *of_part, draws=draws, generator=generator, at_once=at_once), strict=True)
        weights, nll = (torch.cat(parts, 1).double() for parts in found)
        distortion += nll.mean(1).sum()
        for count in counts:
            of_row = _of_groups(weights, count)
            sums[count] += torch.stack([of_row.sum(), of_row.square().sum()])
    rate = gaussian_kl(mu.double(), logvar.double()).sum(1).mean()
    iwae = {count: _mean_and_error(total, len(x)) for count, total in sums.items()}
    return Bounds(len(x), draws, float(distortion) / len(x), float(rate), iwae)


def _weigh(
    net: Variational,
    x: Tensor,
    mu: Tensor,
    logvar: Tensor,
    *told: Tensor,
    draws: int,
    generator: torch.Generator,
    at_once: int,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield ``log p(x, z) / q(z | x)`` and ``-log p(x | z)`` of some draws of all rows, each of shape (rows, some)."""
    step = max(1, at_once // len(x))
    for done in range(0, draws, step):
        some = min(step, draws - done)
        target, mean, spread, *known = (values.repeat_interleave(some, 0) for values in (x, mu, logvar, *told))
        z = reparameterise(mean, spread, generator)
        nll = net.likelihood.nll(net.decoder(z, *known), target)
        prior, posterior = log_normal(z, torch.zeros_like(z), torch.zeros_like(z)), log_normal(z, mean, spread)
        yield (prior - posterior - nll).view(-1, some), nll.view(-1, some)


def _of_groups(weights: Tensor, count: int) -> Tensor:
    """Give each row's bound of `count` draws, the mean over all groups of so many: shape (rows,)."""
    groups = weights.view(len(weights), -1, count)
    return (groups.logsumexp(2) - log(count)).mean(1)


def _mean_and_error(sums: Tensor, rows: int) -> tuple[float, float]:
    total, squares = sums.tolist()
    mean = total / rows
    variance = max(squares / rows - mean**2, 0.0) * rows / max(rows - 1, 1)
    return mean, (variance / rows) ** 0.5
