"""Weights come back to the bit, and those of another net are refused."""

from pathlib import Path

import pytest
import torch
from torch import nn

from hourglass.errors import HourglassError
from hourglass.models.shared import weights


def test_weights_come_back_to_the_bit(tmp_path: Path) -> None:
    net, again = nn.Linear(3, 2), nn.Linear(3, 2)
    net.weight.data = net.weight.data.t().contiguous().t()  # as some layers leave it
    weights.save(net, tmp_path / "w.safetensors")
    weights.load(again, tmp_path / "w.safetensors")
    assert torch.equal(net.weight, again.weight)
    assert torch.equal(net.bias, again.bias)


@pytest.mark.parametrize("damage", [b"", b"no weights", None], ids=["empty", "other bytes", "missing"])
def test_a_damaged_file_is_named(tmp_path: Path, damage: bytes | None) -> None:
    path = tmp_path / "w.safetensors"
    if damage is not None:
        path.write_bytes(damage)
    with pytest.raises(HourglassError, match=r"w\.safetensors doesn't hold the weights of the net"):
        weights.load(nn.Linear(3, 2), path)


def test_weights_of_another_net_are_refused(tmp_path: Path) -> None:
    weights.save(nn.Linear(3, 2), tmp_path / "w.safetensors")
    with pytest.raises(HourglassError, match="train it again"):
        weights.load(nn.Linear(2, 2), tmp_path / "w.safetensors")
