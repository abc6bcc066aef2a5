"""An autoregressive Transformer over the codes of a row: which entry follows which."""

import torch
from torch import Tensor, nn
from torch.nn import functional

_STARTING_WIDTH = 0.02


class CodeTransformer(nn.Module):
    """p(code) as a product over its places, each given those before (a decoder of Vaswani et al. 2017, pre-norm).

    `forward` sees whole codes at once, for training; `step` one place, with what it keeps of those before, for drawing.

    Parameters
    ----------
    length : int
        Places of a code.
    entries : int
        Values of a place.
    width : int
    layers : int
    heads : int
        Divides `width`.
    """

    #: What it is, for readers of a report.
    words = "a Transformer that learned which entries follow which"

    def __init__(self, length: int, entries: int, *, width: int, layers: int, heads: int) -> None:
        super().__init__()
        self.length, self.entries, self.width = length, entries, width
        self.token = nn.Embedding(entries + 1, width)  # the last one stands before the first place
        self.position = nn.Parameter(_STARTING_WIDTH * torch.randn(length, width))
        self.blocks = nn.ModuleList(_Block(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, entries)
        nn.init.normal_(self.token.weight, std=_STARTING_WIDTH)

    def forward(self, index: Tensor) -> Tensor:
        """Give the logarithm of each value's probability at each place, from the places before.

        Parameters
        ----------
        index : Tensor of shape (batch, length), int64

        Returns
        -------
        Tensor of shape (batch, length, entries)
        """
        before = functional.pad(index[:, :-1], (1, 0), value=self.entries)
        x = self.token(before) + self.position
        for block in self.blocks:
            x = block(x)
        return self._log_probability(x)

    def step(self, before: Tensor, place: Tensor, cache: Tensor) -> tuple[Tensor, Tensor]:
        """Give `forward`'s row for one place.

        Parameters
        ----------
        before : Tensor of shape (batch,), int64
            The value at the place before; `entries` at the first.
        place : Tensor of shape (batch,), int64
        cache : Tensor of shape (batch, layers, 2, length, width)
            Keys and values of the places before; anything elsewhere.

        Returns
        -------
        Tensor of shape (batch, entries)
        Tensor of shape (batch, layers, 2, length, width)
            With this place's keys and values.
        """
        x = self.token(before) + self.position[place]
        kept = []
        for block, layer in zip(self.blocks, cache.unbind(1), strict=True):
            assert isinstance(block, _Block)  # noqa: S101
            x, updated = block.step(x, place, layer)
            kept.append(updated)
        return self._log_probability(x), torch.stack(kept, 1)

    def empty(self, rows: int) -> Tensor:
        """Give a cache that holds nothing yet."""
        return torch.zeros(rows, len(self.blocks), 2, self.length, self.width)

    def _log_probability(self, x: Tensor) -> Tensor:
        return functional.log_softmax(self.head(self.norm(x)).float(), dim=-1)


class _Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before_attention, self.before_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.projection = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        """Attend from each place of (batch, length, width) to itself and those before."""
        query, key, value = (self._split(part) for part in self.projection(self.before_attention(x)).chunk(3, -1))
        attended = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self._finish(x, attended.transpose(1, 2).flatten(2))

    def step(self, x: Tensor, place: Tensor, cache: Tensor) -> tuple[Tensor, Tensor]:
        """Attend from one place, (batch, width), to itself and those kept in (batch, 2, length, width)."""
        query, *found = self.projection(self.before_attention(x)).chunk(3, -1)
        places = torch.arange(cache.shape[2], device=x.device)
        here = (places == place[:, None])[:, None, :, None]
        cache = torch.where(here, torch.stack(found, 1)[:, :, None], cache)
        key, value = (self._split(part) for part in cache.unbind(1))
        seen = (places <= place[:, None])[:, None, None]
        attended = functional.scaled_dot_product_attention(self._split(query[:, None]), key, value, attn_mask=seen)
        return self._finish(x, attended.transpose(1, 2).flatten(1)), cache

    def _split(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:2], self.heads, -1).transpose(1, 2)

    def _finish(self, x: Tensor, attended: Tensor) -> Tensor:
        x = x + self.out(attended)
        found: Tensor = x + self.mlp(self.before_mlp(x))
        return found
