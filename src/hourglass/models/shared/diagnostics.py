"""What a posterior tells about rows, beyond the terms of the loss."""

from math import log

import torch
from torch import Tensor

from hourglass.models.shared.divergences import gaussian_kl, reparameterise

#: A unit is active if its posterior mean varies by more than this over rows (Burda, Grosse & Salakhutdinov 2016).
ACTIVE_VARIANCE = 0.01
#: Rows that the mutual information is estimated on; it can't exceed their number's logarithm.
_ROWS = 512


def posterior(mu: Tensor, logvar: Tensor, generator: torch.Generator) -> dict[str, float]:
    """Describe Gaussian posteriors over all rows of a set.

    Parameters
    ----------
    mu, logvar : Tensor of shape (rows, latent)
    generator : torch.Generator

    Returns
    -------
    dict
        ``active_units``; in nats the ``mutual_information`` of row and code, and ``kl_1``, ``kl_2``, ... of each unit.
    """
    per_unit = gaussian_kl(mu, logvar).mean(0).tolist()
    return {
        "active_units": float((mu.var(0, correction=0) > ACTIVE_VARIANCE).sum()),
        "mutual_information": mutual_information(mu[:_ROWS], logvar[:_ROWS], generator),
    } | {f"kl_{number}": value for number, value in enumerate(per_unit, start=1)}


def perplexity(index: Tensor, entries: int) -> dict[str, float]:
    """Do as `usage_of` for the entries of codes, int64 of any shape, out of so many."""
    return usage_of(index.flatten().bincount(minlength=entries))


def usage_of(counts: Tensor) -> dict[str, float]:
    """Tell how many entries of a codebook are used: their number, and that of as many used equally often.

    The perplexity is the exponential of the entropy of the choices, from 1 to the number of entries, which is best (van
    den Oord et al. 2017).

    Parameters
    ----------
    counts : Tensor of shape (entries,), int64
        How often each was chosen; not all of them never.
    """
    share = counts / counts.sum()
    return {
        "used_entries": float((share > 0).sum()),
        "perplexity": float(torch.special.entr(share).sum().exp()),
    }


def mutual_information(mu: Tensor, logvar: Tensor, generator: torch.Generator) -> float:
    """Estimate I(x; z) under q, in nats, by one draw per row against the mixture of all rows' posteriors.

    From 0, where all posteriors are the same, to the logarithm of the number of rows.

    Source: Hoffman & Johnson 2016, "ELBO surgery".

    Parameters
    ----------
    mu, logvar : Tensor of shape (rows, latent)
    generator : torch.Generator
    """
    z, mu, logvar = (part.double() for part in (reparameterise(mu, logvar, generator), mu, logvar))
    precision = (-logvar).exp()
    # (z - mu)^2 multiplied out: a cube of draws, rows and units would be gigabytes for wide codes
    squares = z.square() @ precision.T - 2 * z @ (mu * precision).T + (mu.square() * precision).sum(1)
    density = -0.5 * (squares + logvar.sum(1))  # of draw i under row j's posterior, without the constant
    return float((density.diagonal() - density.logsumexp(1) + log(len(mu))).mean().clamp_min(0))
