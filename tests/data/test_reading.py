"""What a snapshot could be made of is read without one."""

from pathlib import Path

import numpy as np

from tests.sources import read_source


def test_a_source_is_read_without_a_snapshot(tmp_path: Path) -> None:
    np.savez(tmp_path / "b.npz", x=np.ones((2, 2)), photo=np.ones((2, 3, 3)), age=np.arange(2))
    raw = read_source(str(tmp_path / "b.npz"))
    assert (list(raw.side), list(raw.arrays)) == (["age"], ["photo"])
    assert len(read_source("breast_cancer").rows) == 569
    assert [path.name for path in tmp_path.iterdir()] == ["b.npz"]
