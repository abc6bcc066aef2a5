"""What codes say of their rows."""

from typing import Any

import torch
from numpy.typing import NDArray

from hourglass.evaluation.latent import posterior
from hourglass.models.shared.diagnostics import mutual_information

#: Rows that the mutual information is estimated on; their logarithm bounds it.
_ROWS = 2048


def information(z: NDArray[Any], logvar: NDArray[Any], *, seed: int) -> dict[str, float]:
    """Split the mean KL into what codes say of their rows, and how far all codes together are from the prior.

    ``KL(q(z | x) || p(z)) = I(x; z) + KL(q(z) || p(z))`` (Hoffman & Johnson 2016, "ELBO surgery", section 2), of at
    most 2,048 rows, with one draw of each posterior. So few rows show no more than the logarithm of their number:
    codes that tell all of them apart say more of rows than is found, and are nearer to the prior.

    Parameters
    ----------
    z, logvar : ndarray of shape (rows, latent)
    seed : int

    Returns
    -------
    dict
        ``mutual_information``, from 0 to the logarithm of the ``information_rows``, and ``marginal_kl``, at least 0
        but for the error of the draws, about 0 where they match, lower is better; both in nats.
    """
    mu, spread = z[:_ROWS], logvar[:_ROWS]
    generator = torch.Generator().manual_seed(seed)
    found = mutual_information(torch.from_numpy(mu), torch.from_numpy(spread), generator)
    marginal = posterior(mu, spread)["kl"] - found
    return {"mutual_information": found, "marginal_kl": marginal, "information_rows": len(mu)}
