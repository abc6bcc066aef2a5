"""A snapshot is made as a whole or not at all, and the embedded one is the committed one."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from hourglass.data import making, proposal
from hourglass.data.params import DataParams
from hourglass.errors import HourglassError

ROOT = Path(__file__).parents[2]


def dvc_hash(folder: Path) -> str:
    """Hash a folder as DVC does: the md5 of the sorted list of its files' md5s."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    listing = [
        {"md5": hashlib.md5(path.read_bytes()).hexdigest(), "relpath": path.relative_to(folder).as_posix()}
        for path in files
    ]
    return hashlib.md5(json.dumps(listing, sort_keys=True).encode()).hexdigest() + ".dir"


def test_digits_rebuilt_are_what_data_dvc_says(tmp_path: Path) -> None:
    committed = yaml.safe_load((ROOT / "data.dvc").read_text())["outs"][0]["md5"]
    making.build("digits", tmp_path / "data", proposal.proposed_params("digits", None, None, None))
    assert dvc_hash(tmp_path / "data") == committed


def test_an_unknown_label_leaves_nothing_behind(tmp_path: Path) -> None:
    np.savez(tmp_path / "rows.npz", x=np.zeros((3, 2)), kind=np.zeros(3))
    with pytest.raises(HourglassError, match=r"data.label is 'sort'.*there: kind"):
        making.build(str(tmp_path / "rows.npz"), tmp_path / "data", DataParams(label="sort", normal=[0]))
    assert [path.name for path in tmp_path.iterdir()] == ["rows.npz"]
