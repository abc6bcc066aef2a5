"""What a variant sees of the data."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Rows of a data set; every tensor has one entry per row.

    Parameters
    ----------
    x : Tensor of shape (batch, *shape)
        Normalised input.
    condition : Tensor of shape (batch, known) or None
        What is known of each row beside it, 0 where it isn't.
    target : Tensor of shape (batch, *shape)
        What the decoder shall produce; `x` itself unless the task is denoising or translation.
    label : Tensor of shape (batch,), int64
        Class codes; -1 where unlabelled.
    index : Tensor of shape (batch,), int64
        Row numbers in the raw snapshot.
    """

    x: Tensor
    condition: Tensor | None
    target: Tensor
    label: Tensor
    index: Tensor

    def __len__(self) -> int:
        return len(self.x)

    def rows(self, which: Tensor) -> "Batch":
        """Take the rows with the given positions."""
        x = self.x.index_select(0, which)
        return Batch(
            x=x,
            condition=None if self.condition is None else self.condition.index_select(0, which),
            target=x if self.target is self.x else self.target.index_select(0, which),
            label=self.label.index_select(0, which),
            index=self.index.index_select(0, which),
        )

    def first(self, count: int) -> "Batch":
        """Take the first rows without copying them."""
        x = self.x[:count]
        return Batch(
            x=x,
            condition=None if self.condition is None else self.condition[:count],
            target=x if self.target is self.x else self.target[:count],
            label=self.label[:count],
            index=self.index[:count],
        )

    def joined(self, other: "Batch") -> "Batch":
        """Put other rows behind these."""
        x = torch.cat([self.x, other.x])
        known = [part.condition for part in (self, other) if part.condition is not None]
        return Batch(
            x=x,
            condition=torch.cat(known) if known else None,
            target=x if self.target is self.x else torch.cat([self.target, other.target]),
            label=torch.cat([self.label, other.label]),
            index=torch.cat([self.index, other.index]),
        )

    def with_rows(self, x: Tensor) -> "Batch":
        """Put other rows in the place of these, which were to be rebuilt as they are."""
        return replace(self, x=x, target=x)

    @classmethod
    def of(cls, x: Tensor) -> "Batch":
        """Make unlabelled rows of bare inputs, for use outside the pipeline."""
        rows = torch.arange(len(x), device=x.device)
        return cls(x=x, condition=None, target=x, label=torch.full_like(rows, -1), index=rows)
