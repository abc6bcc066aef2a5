"""Divergences between a posterior and a prior, and draws from the posterior."""

import torch
from torch import Tensor


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


def reparameterise(mu: Tensor, logvar: Tensor, generator: torch.Generator) -> Tensor:
    """Draw z = mu + sigma * noise, differentiable in mu and logvar (Kingma & Welling 2014, section 2.4)."""
    noise = torch.randn(mu.shape, generator=generator, device=mu.device, dtype=mu.dtype)
    return mu + noise * torch.exp(0.5 * logvar)
