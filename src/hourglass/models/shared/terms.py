"""Named terms of a loss, reduced by one rule."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from hourglass.models.shared.batch import Batch
from hourglass.models.shared.sharing import rows_of_all


class Term(NamedTuple):
    """One term of a loss.

    Parameters
    ----------
    value : Tensor of shape (batch,)
        Summed over all non-batch dimensions, in nats or squared units; logged as it is.
    weight : float or Tensor of shape ()
        What the term counts in the total.
    """

    value: Tensor
    weight: float | Tensor = 1.0


@dataclass(frozen=True)
class Context:
    """What the loop tells a variant about the current step.

    Parameters
    ----------
    generator : torch.Generator
        Source of all noise.
    kl_weight : float or Tensor of shape ()
        The scheduled weight of KL terms, from 0 to 1; 1 in evaluation. In training a tensor, for a recorded step sees
        other numbers in the same place; nothing may branch on it.
    """

    generator: torch.Generator
    kl_weight: float | Tensor = 1.0


Losses = Callable[[Batch, Context], Mapping[str, Term]]


@dataclass(frozen=True)
class Phase:
    """A part of every step, with an optimiser of its own.

    Parameters
    ----------
    name : str
    parameters : list of Parameter
        What it changes.
    losses : callable
        Gives its named terms for a batch; no two phases share a name.
    """

    name: str
    parameters: list[nn.Parameter]
    losses: Losses


@dataclass(frozen=True)
class Course:
    """A part of a training that runs until it stops improving; the next starts from its best weights.

    Parameters
    ----------
    name : str
    phases : tuple of Phase
        The parts of each step, in their order.
    losses : callable
        Gives the terms that are measured on validation.
    monitor : tuple of str or None
        The terms whose weighted sum on validation decides early stopping and the kept weights; None: all of them, the
        objective itself. The weights are those after every warm-up.
    diagnose : callable
        Measures what can't be averaged over rows, on some thousand of validation; asked after every epoch.
    weighs_kl : bool
        Whether its losses heed the scheduled weight of the KL, whose warm-up early stopping then waits for.
    """

    name: str
    phases: tuple[Phase, ...]
    losses: Losses
    monitor: tuple[str, ...] | None
    diagnose: Callable[[Batch, torch.Generator], dict[str, float]]
    weighs_kl: bool = False


def total(terms: Mapping[str, Term]) -> Tensor:
    """Sum the weighted terms and average them over the batch (the only reduction there is)."""
    return torch.stack([term.weight * term.value for term in terms.values()]).sum(0).mean()


def gradients(terms: Mapping[str, Term], parameters: Sequence[nn.Parameter]) -> list[Tensor | None]:
    """Differentiate `total` by parameters; None for those that it doesn't depend on.

    The gradient of the total by a row's value is known: ``weight / rows``. So differentiation starts there.
    """
    moving = [term for term in terms.values() if term.value.requires_grad]
    starts = [_spread(term.weight, term.value) for term in moving]
    return list(torch.autograd.grad([term.value for term in moving], parameters, starts, allow_unused=True))


def _spread(weight: float | Tensor, value: Tensor) -> Tensor:
    """Divide a weight evenly among the rows of all processes."""
    rows = rows_of_all(len(value))
    if isinstance(weight, Tensor):
        return (weight / rows).expand_as(value)
    return torch.full(value.shape, weight / rows, dtype=value.dtype, device=value.device)
