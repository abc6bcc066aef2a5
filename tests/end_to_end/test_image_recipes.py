"""The recipes for pictures do what they say, as written."""

import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.recipes import SHARED, beside_shared, follow

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


@pytest.mark.skipif(not (SHARED / "data/images").is_dir(), reason="needs the digits in ../shared/data/images")
def test_codes_tell_classes_that_no_training_was_told(clone, tmp_path):
    checkout = beside_shared(clone, tmp_path)
    said = follow("features.md", checkout)
    assert "Gate: version 1 (denoising) is the first champion" in said
    found = dict(re.findall(r"^(\w+): linear \S+, 5 nearest \S+, NMI (\S+)$", said, re.MULTILINE))
    assert float(found["denoising"]) > float(found["PCA"]) + 0.15
    assert pd.read_csv(checkout.root / "codes.csv").shape == (10_000, 33)
