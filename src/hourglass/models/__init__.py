"""The variants: one file each, named as in ``params.yaml``.

`names` lists them without importing torch; `get` imports the one that is asked for, `build` makes one.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from hourglass import one_per_file

if TYPE_CHECKING:
    from hourglass.models.shared.variant import Variant

#: Other names that the literature has for a variant.
ALIASES = {"undercomplete": "autoencoder"}


@cache
def names() -> tuple[str, ...]:
    """Names of all variants, sorted: the files of this folder."""
    return one_per_file.names(__name__)


def get(name: str) -> "type[Variant]":
    """Import a variant's class: the one class that its file defines as a variant.

    Parameters
    ----------
    name : str
        A name or an alias.

    Raises
    ------
    KeyError
        There is no such variant; `names` lists them.
    """
    name = ALIASES.get(name, name)
    if name not in names():
        raise KeyError(f"no variant {name!r}; there are {', '.join(names())}")
    from hourglass.models.shared.variant import Variant

    return one_per_file.load(__name__, name, Variant)


def build(
    name: str,
    shape: Sequence[int],
    settings: Mapping[str, Any],
    *,
    seed: int,
    known: int = 0,
    categories: Sequence[tuple[int, int]] = (),
    embedded: Sequence[tuple[int, int]] = (),
    known_shape: Sequence[int] = (),
) -> "Variant":
    """Make a variant with weights drawn from `seed`; the global random state stays as it is.

    Parameters
    ----------
    name : str
    shape : sequence of int
        Of a row.
    settings : mapping
    seed : int
    known : int
        Numbers that are known of a row beside it; a variant that isn't conditional makes no use of them.
    categories : sequence of (int, int)
        Where the 0s and 1s of each category start and stop among a row's numbers.
    embedded : sequence of (int, int)
        Those of the categories that the nets embed.
    known_shape : sequence of int
        Shape of what is known of a row, where that is an array; `known` counts its numbers and a flag behind them.
    """
    import torch

    variant = get(name)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        beside: dict[str, Any] = {"known": known, "known_shape": known_shape} if variant.conditional else {}
        return variant(shape, **settings, **beside, categories=categories, embedded=embedded)
