"""A net's weights in a file, which holds no code."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from hourglass.errors import HourglassError


def save(net: nn.Module, path: Path) -> None:
    """Write a net's weights, wherever they lie."""
    save_file({name: value.cpu().contiguous() for name, value in net.state_dict().items()}, path)


def load(net: nn.Module, path: Path) -> None:
    """Give a net of the same form the weights that `save` wrote.

    Raises
    ------
    HourglassError
        The file is missing or damaged, or holds those of another net.
    """
    try:
        net.load_state_dict(load_file(path))
    except (OSError, SafetensorError, RuntimeError) as wrong:
        raise HourglassError(f"{path} doesn't hold the weights of the net ({wrong}); train it again.") from wrong
