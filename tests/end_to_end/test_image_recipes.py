"""A recipe for pictures does what it says, as written."""

import re

import numpy as np
import pytest
from PIL import Image

from tests.recipes import follow

pytestmark = pytest.mark.long


def test_pictures_are_drawn_to_order(clone, tmp_path):
    checkout = clone.copy(tmp_path / "hourglass")
    said = follow("generation.md", checkout)
    assert "is the first champion" in said
    shares = dict(re.findall(r"^(\d): (\d+)% are nearest to one", said, re.MULTILINE))
    assert int(shares["5"]) > 80
    assert int(shares["3"]) > 80
    drawn = [np.asarray(Image.open(path)) for path in (checkout.root / "fives").iterdir()]
    assert len(drawn) == 200
    assert all(picture.shape == (8, 8) and picture.dtype == np.uint8 for picture in drawn)
