"""Small data sets of every kind."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from hourglass.data import making, snapshot
from hourglass.data.params import DataParams
from hourglass.data.sources import Raw


@pytest.fixture
def frame() -> pd.DataFrame:
    """400 rows of two numbers, a category and a class."""
    draw = np.random.default_rng(0)
    numbers = draw.normal(size=(400, 2))
    return pd.DataFrame(
        {
            "height": numbers[:, 0],
            "weight": numbers[:, 1],
            "colour": draw.choice(["red", "green", "blue"], 400),
            "class": draw.choice(["good", "bad"], 400, p=[0.9, 0.1]),
        }
    )


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder of six images in two classes."""
    draw = np.random.default_rng(0)
    for number in range(6):
        path = tmp_path / "images" / ("cat" if number % 2 else "dog") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw.integers(0, 256, (4, 5, 3), np.uint8)).save(path)
    return tmp_path / "images"


@pytest.fixture
def taken(tmp_path: Path) -> Callable[..., Raw]:
    """Take a file or folder into a snapshot and read it back."""

    def take(source: Path | str, params: DataParams | None = None) -> Raw:
        making.build(str(source), tmp_path / "data", params or DataParams())
        return snapshot.read(tmp_path / "data")

    return take
