"""Results are written as what they are."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hourglass.use.results import Result


def test_missing_integers_beside_codes_are_numbers_in_an_array_file(tmp_path: Path) -> None:
    beside = pd.DataFrame({"account": pd.array([7, None], "Int64"), "name": ["a", "b"]})
    Result(beside, {"z": np.zeros((2, 3))}, np.zeros(2, bool), np.dtype(np.uint8)).write(tmp_path / "codes.npz")
    with np.load(tmp_path / "codes.npz", allow_pickle=False) as found:
        np.testing.assert_array_equal(found["account"], [7, np.nan])
        assert found["name"].tolist() == ["a", "b"]


KILLED = """
import os, signal, sys
import subprocess
import sys
from pathlib import Path
import numpy as np, pandas as pd
from hourglass.use.results import Output, Result
rows = Result(pd.DataFrame({"row": [1]}), {"x": np.zeros((1, 2))}, np.zeros(1, bool), np.dtype(np.uint8))
with Output(Path(sys.argv[1])) as output:
    output.add(rows)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("name", ["z.csv", "z.npz"])
def test_what_a_killed_command_left_goes_with_the_next_one_of_that_output(tmp_path: Path, name: str) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / name)], check=False)
    dead = {path.name for path in tmp_path.iterdir()}
    assert dead
    others = {f".{name}.hourglass.1", f".other-{name}.hourglass.999999999", f".{name}.20240131", f"{name}.bak"}
    for other in others:
        (tmp_path / other).touch()
    rows = Result(pd.DataFrame({"row": [1]}), {"x": np.zeros((1, 2))}, np.zeros(1, bool), np.dtype(np.uint8))
    rows.write(tmp_path / name)
    assert {path.name for path in tmp_path.iterdir()} == {name} | others
