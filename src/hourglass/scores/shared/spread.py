"""The scale of the units of a code."""

import torch
from torch import Tensor

#: Share of the rows at either end of a unit that counts as no further out than the next; of few rows it is one.
_ENDS = 0.01
#: Spread below which a unit is taken for constant.
_LEAST = 1e-6


def spread(codes: Tensor) -> Tensor:
    """Give the winsorised standard deviation of each unit, so that a row far out doesn't mute it; 1 of a constant one.

    Source: Tukey 1962, "The future of data analysis".

    Parameters
    ----------
    codes : Tensor of shape (rows, latent)

    Returns
    -------
    Tensor of shape (latent,)
    """
    cut = min(max(1, int(_ENDS * len(codes))), (len(codes) - 1) // 2)
    ordered = codes.sort(0).values
    within = codes.clamp(ordered[cut], ordered[-1 - cut]).std(0, correction=0)
    deviation = torch.where(within > _LEAST, within, codes.std(0, correction=0))
    return torch.where(deviation > _LEAST, deviation, 1.0)
