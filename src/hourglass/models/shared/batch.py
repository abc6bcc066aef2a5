"""What a variant sees of the data."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import repeat

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
        return self.x.shape[0]

    def rows(self, which: Tensor, room: "Batch | None" = None) -> "Batch":
        """Take the rows with the given positions; with a room, into its first places.

        Parameters
        ----------
        which : Tensor of shape (rows,), int64
        room : Batch, optional
            As `empty` makes it.
        """

        def taken(name: str) -> Tensor:
            place = None if room is None else getattr(room, name)[: len(which)]
            return torch.index_select(getattr(self, name), 0, which, out=place)

        x = taken("x")
        return Batch(
            x=x,
            condition=None if self.condition is None else taken("condition"),
            target=x if self.target is self.x else taken("target"),
            label=taken("label"),
            index=taken("index"),
        )

    def empty(self, rows: int) -> "Batch":
        """Make room for rows like these."""
        return self._each(lambda values: values.new_empty((rows, *values.shape[1:])))

    def part(self, start: int, stop: int) -> "Batch":
        """Take consecutive rows without copying them."""
        return self._each(lambda values: values[start:stop])

    def parts(self, size: int) -> "Iterator[Batch]":
        """Cut the rows into batches of `size` without copying them; the last may be smaller."""
        alike = (self.x, self.label, self.index)
        conditions = repeat(None) if self.condition is None else torch.split(self.condition, size)
        targets = repeat(None) if self.target is self.x else torch.split(self.target, size)
        parts = zip(*(torch.split(values, size) for values in alike), conditions, targets, strict=False)
        for x, label, index, condition, target in parts:
            yield Batch(x, condition, x if target is None else target, label, index)

    def first(self, count: int) -> "Batch":
        """Take the first rows without copying them."""
        return self.part(0, count)

    def _each(self, change: Callable[[Tensor], Tensor]) -> "Batch":
        x = change(self.x)
        return Batch(
            x=x,
            condition=None if self.condition is None else change(self.condition),
            target=x if self.target is self.x else change(self.target),
            label=change(self.label),
            index=change(self.index),
        )

    def copied(self) -> "Batch":
        """Copy the rows."""
        return self._each(Tensor.clone)

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
        """Put other rows, of the same shape, in the place of these, which were to be rebuilt as they are."""
        return replace(self, x=x, target=x)

    @classmethod
    def of(cls, x: Tensor) -> "Batch":
        """Make unlabelled rows of bare inputs of shape (rows, *shape), for use outside the pipeline."""
        rows = torch.arange(len(x), device=x.device)
        return cls(x=x, condition=None, target=x, label=torch.full_like(rows, -1), index=rows)
