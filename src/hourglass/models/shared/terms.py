"""Named terms of a loss, reduced by one rule."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor


class Term(NamedTuple):
    """One term of a loss.

    Parameters
    ----------
    value : Tensor of shape (batch,)
        Summed over all non-batch dimensions, in nats or squared units; logged as it is.
    weight : float
        What the term counts in the total.
    """

    value: Tensor
    weight: float = 1.0


@dataclass(frozen=True)
class Context:
    """What the loop tells a variant about the current step.

    Parameters
    ----------
    generator : torch.Generator
        Source of all noise.
    kl_weight : float
        The scheduled weight of KL terms, from 0 to 1; 1 in evaluation.
    """

    generator: torch.Generator
    kl_weight: float = 1.0


def total(terms: Mapping[str, Term]) -> Tensor:
    """Sum the weighted terms and average them over the batch (the only reduction there is)."""
    return torch.stack([term.weight * term.value for term in terms.values()]).sum(0).mean()
