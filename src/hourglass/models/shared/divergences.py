"""Divergences between a posterior and a prior, densities, and draws from the posterior."""

from math import log, pi

import torch
from torch import Tensor

from hourglass.models.shared.sharing import averaged, drawn, own, rows_of_all, whole


def gaussian_kl(mu: Tensor, logvar: Tensor) -> Tensor:
    """KL(N(mu, exp(logvar)) || N(0, 1)) per unit, in nats (Kingma & Welling 2014, appendix B).

    Parameters
    ----------
    mu, logvar : Tensor of shape (batch, latent)

    Returns
    -------
    Tensor of shape (batch, latent)
    """
    return 0.5 * (mu.square() + logvar.exp() - 1 - logvar)


def above_free(kl: Tensor, free: float) -> Tensor:
    """Hold each unit's KL at `free` where its mean over the batch is below (Kingma et al. 2016, equation 15).

    Parameters
    ----------
    kl : Tensor of shape (batch, latent)
    free : float
        Nats.

    Returns
    -------
    Tensor of shape (batch, latent)
        Its mean over rows is ``max(free, kl.mean(0))``; a unit below has no gradient.
    """
    return torch.where(averaged(kl.mean(0)) > free, kl, free)


def bernoulli_kl(rate: float, rates: Tensor) -> Tensor:
    """KL(Bernoulli(rate) || Bernoulli(rates)), in nats; shape of `rates`, which lie in (0, 1)."""
    rates = rates.clamp(1e-7, 1 - 1e-7)
    return rate * (rate / rates).log() + (1 - rate) * ((1 - rate) / (1 - rates)).log()


def reparameterise(mu: Tensor, logvar: Tensor, generator: torch.Generator) -> Tensor:
    """Draw z = mu + sigma * noise, differentiable in mu and logvar (Kingma & Welling 2014, section 2.4).

    Parameters
    ----------
    mu, logvar : Tensor of shape (batch, latent)
    generator : torch.Generator

    Returns
    -------
    Tensor of shape (batch, latent)
    """
    noise = drawn(torch.randn, mu.shape, generator=generator, device=mu.device, dtype=mu.dtype)
    return mu + noise * torch.exp(0.5 * logvar)


def log_normal(z: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """Log N(z; mu, exp(logvar)), summed over units: shape (batch,), in nats."""
    return -0.5 * (log(2 * pi) + logvar + (z - mu).square() * (-logvar).exp()).sum(-1)


def log_mixture(z: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """Log density of draws under the equal mixture of all rows' posteriors: shape (batch,), in nats.

    Parameters
    ----------
    z, mu, logvar : Tensor of shape (batch, latent)
    """
    mu, logvar = whole(mu), whole(logvar)
    joint = _log_densities(z, mu, logvar, 0)
    for unit in range(1, z.shape[1]):  # not stacked: of thousands of rows one square matrix is large enough
        joint = joint + _log_densities(z, mu, logvar, unit)
    return joint.logsumexp(1) - log(len(mu))


def log_mixture_of_units(z: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """As `log_mixture`, of each unit alone, summed over units: shape (batch,), in nats."""
    mu, logvar = whole(mu), whole(logvar)
    units = [_log_densities(z, mu, logvar, unit).logsumexp(1) for unit in range(z.shape[1])]
    return torch.stack(units).sum(0) - z.shape[1] * log(len(mu))


def _log_densities(z: Tensor, mu: Tensor, logvar: Tensor, unit: int) -> Tensor:
    """Log density of one unit of row i's draw under row j's posterior: shape (batch, batch)."""
    squares = (z[:, unit, None] - mu[:, unit]).square() * (-logvar[:, unit]).exp()
    return -0.5 * (log(2 * pi) + logvar[:, unit] + squares)


def mmd(x: Tensor, y: Tensor) -> Tensor:
    """Squared maximum mean discrepancy, unbiased, of two samples of equal size (Gretton et al. 2012, equation 3).

    The kernel is the sum of inverse multiquadratics ``C / (C + |a - b|^2)`` of seven scales around ``2 d``, that of
    Tolstikhin et al. 2018, appendix C, for a standard normal of d units.

    Parameters
    ----------
    x, y : Tensor of shape (rows, latent)

    Returns
    -------
    Tensor of shape (rows,)
        Each row's part; their mean is the discrepancy, which may be a little below 0.
    """
    rows = rows_of_all(len(x))
    if rows < 2:
        return torch.zeros_like(x[:, 0])
    x, y = whole(x), whole(y)
    within = (_kernel(x, x) + _kernel(y, y)).fill_diagonal_(0).sum(1) / (rows - 1)
    across = _kernel(x, y)
    return own(within - across.mean(1) - across.mean(0))


def _kernel(x: Tensor, y: Tensor) -> Tensor:
    squares = torch.cdist(x, y).square()
    scales = (2 * x.shape[1] * factor for factor in (0.1, 0.2, 0.5, 1, 2, 5, 10))
    total = torch.zeros_like(squares)
    for scale in scales:  # not stacked, as above
        total = total + scale / (scale + squares)
    return total
