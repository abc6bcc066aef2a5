"""Torchvision's data sets by name: fetched once into the user's cache, their train and test pictures in one array."""

import io
import os
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from hourglass.columns import Appended
from hourglass.data.sources import Kind
from hourglass.errors import HourglassError

PREFIX = "torchvision:"
_TRAIN = {"train": {"train": True}, "test": {"train": False}}
_SPLIT = {"train": {"split": "train"}, "test": {"split": "test"}}


@dataclass(frozen=True)
class _Set:
    """How a set is asked for its subsets, and whether its classes have names other than their numbers."""

    subsets: dict[str, dict[str, Any]]
    named: bool = False


SETS = {
    "MNIST": _Set(_TRAIN),
    "FashionMNIST": _Set(_TRAIN, named=True),
    "KMNIST": _Set(_TRAIN, named=True),
    "USPS": _Set(_TRAIN),
    "CIFAR10": _Set(_TRAIN, named=True),
    "CIFAR100": _Set(_TRAIN, named=True),
    "SVHN": _Set(_SPLIT),
    "STL10": _Set(_SPLIT, named=True),
}


def cache() -> Path:
    """Tell where sets are kept between runs: ``hourglass/torchvision`` in the user's cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hourglass" / "torchvision"


def write(source: str, shard: Path) -> Kind:
    """Write a set as arrays: the pictures ``x``, and for each its ``label`` and its ``subset``, train or test.

    Parameters
    ----------
    source : str
        ``torchvision:MNIST``, for one.
    shard : Path

    Raises
    ------
    HourglassError
        The name is unknown, or the set is neither in the cache nor can be fetched.
    """
    name = source.removeprefix(PREFIX)
    if name not in SETS:
        close = get_close_matches(name, SETS, n=1)
        hint = f"did you mean {PREFIX}{close[0]}?" if close else f"known are {', '.join(SETS)}."
        raise HourglassError(f"{source}: there is no such set; {hint}")
    subsets = {subset: _load(name, asked) for subset, asked in SETS[name].subsets.items()}
    written = Appended(shard / "x.npy")
    labels = []
    for subset in subsets.values():
        for picture, target in subset:
            written.append(np.asarray(picture, np.uint8)[None])
            labels.append(str(subset.classes[target]) if SETS[name].named else int(target))
    written.close()
    np.save(shard / "label.npy", np.array(labels))
    np.save(shard / "subset.npy", np.repeat(list(subsets), [len(subset) for subset in subsets.values()]))
    return "image"


def _load(name: str, asked: dict[str, Any]) -> Any:
    from hourglass.torchvision_ops import torchvision

    datasets = torchvision("datasets")
    try:
        with _no_code_in_pickles(torchvision("datasets.cifar")):
            return getattr(datasets, name)(cache() / name, download=True, **asked)
    except pickle.UnpicklingError as armed:
        raise HourglassError(f"{cache() / name} can't be read without running what is in it: {armed}.") from armed
    except (OSError, RuntimeError, EOFError, ValueError) as failed:
        why = " ".join(str(failed).split())
        raise HourglassError(
            f"{PREFIX}{name} is not in {cache() / name} as a whole and can't be fetched ({why}); connect to the "
            "network and run this again, or put the files there that torchvision would fetch."
        ) from failed


class _Arrays(pickle.Unpickler):
    """Reads lists, texts and arrays, and refuses whatever else a pickle names."""

    _KNOWN = frozenset(
        {
            ("numpy", "ndarray"),
            ("numpy", "dtype"),
            ("numpy.core.multiarray", "_reconstruct"),
            ("numpy._core.multiarray", "_reconstruct"),
            ("_codecs", "encode"),
        }
    )

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._KNOWN:
            raise pickle.UnpicklingError(f"a file names {module}.{name}, which is no array")
        return super().find_class(module, name)


@contextmanager
def _no_code_in_pickles(module: Any) -> Iterator[None]:
    """Keep torchvision, whose CIFAR sets are pickles, from running what a file names."""
    before = module.pickle
    module.pickle = SimpleNamespace(load=lambda stream, **options: _Arrays(io.BytesIO(stream.read()), **options).load())
    try:
        yield
    finally:
        module.pickle = before
