"""What a net makes of rows, as scores see it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from hourglass.errors import HourglassError
from hourglass.models.shared.variant import Variant
from hourglass.scores.shared.posterior import Posterior

#: Rows that go through a net at once.
_AT_ONCE = 4096


@dataclass(frozen=True)
class Seen:
    """Rows, their codes and their residuals, each row flat.

    Parameters
    ----------
    x : Tensor of shape (rows, numbers)
        In the net's units.
    z : Tensor of shape (rows, latent)
    residual : Tensor of shape (rows, numbers)
        Reconstruction minus row.
    posterior : Posterior or None
        None where a code has none.
    """

    x: Tensor
    z: Tensor
    residual: Tensor
    posterior: Posterior | None = None

    @classmethod
    def of(cls, model: Variant, x: Tensor, codes: Mapping[str, Tensor], x_hat: Tensor, *told: Tensor) -> Self:
        """Take rows of shape (rows, *shape), what they were encoded into, and what that was decoded into."""
        z, logvar = codes["z"], codes.get("logvar")
        posterior = None if logvar is None else Posterior(z, logvar, model.decode, told)
        return cls(x.flatten(1), z, (x_hat - x).flatten(1), posterior)

    @classmethod
    def by(cls, model: Variant, x: Tensor, *told: Tensor) -> Self:
        """Encode and decode rows of shape (rows, *shape); a conditional variant is told `told`."""
        codes = model.encode(x, *told)
        return cls.of(model, x, codes, model.rebuild(x, codes["z"], *told), *told)

    @classmethod
    def in_blocks(cls, model: Variant, x: Tensor, *told: Tensor) -> Self:
        """Do what `by` does, some rows at a time and without gradients."""
        with torch.no_grad():
            blocks = zip(*(torch.split(given, _AT_ONCE) for given in (x, *told)), strict=True)
            return cls.together([cls.by(model, *block) for block in blocks])

    @classmethod
    def together(cls, parts: Sequence[Self]) -> Self:
        """Put some rows behind others, all of one net."""
        x, z, residual = (torch.cat([getattr(part, name) for part in parts]) for name in ("x", "z", "residual"))
        posteriors = [part.posterior for part in parts if part.posterior is not None]
        return cls(x, z, residual, Posterior.together(posteriors) if posteriors else None)

    def __len__(self) -> int:
        return len(self.x)

    def take(self, which: Tensor) -> Self:
        """Take some rows, by a mask of shape (rows,) or by their places."""
        posterior = None if self.posterior is None else self.posterior.take(which)
        return type(self)(self.x[which], self.z[which], self.residual[which], posterior)

    def posterior_for(self, score: str) -> Posterior:
        """Give the posterior, which a score is made of.

        Raises
        ------
        HourglassError
            The variant has none.
        """
        if self.posterior is None:
            raise HourglassError(
                f"the score {score} is for variants whose encoder gives a posterior, such as vae; set another "
                "anomaly.score (scoring of an estimator), or train such variants alone."
            )
        return self.posterior
