"""A folder of masks, by the names of images."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from hourglass.errors import HourglassError
from hourglass.evaluation.masks import MaskFolder
from hourglass.runtime.images import AS_IS, Form


def test_masks_that_tell_of_nothing_are_refused(tmp_path: Path) -> None:
    masks = MaskFolder(tmp_path, AS_IS)
    masks.add(pd.DataFrame({"file": ["a.png"]}), np.ones((1, 4, 4)))
    with pytest.raises(HourglassError, match="no anomalous pixel"):
        masks.measure()


def test_a_mask_of_another_size_is_named(tmp_path: Path) -> None:
    Image.fromarray(np.full((3, 3), 255, np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(HourglassError, match=r"a\.png has shape \(3, 3\); expected \(4, 4\)"):
        MaskFolder(tmp_path, AS_IS).add(pd.DataFrame({"file": ["a.jpg"]}), np.ones((1, 4, 4)))


def test_masks_are_resized_as_their_images_were(tmp_path: Path) -> None:
    pixels = np.zeros((8, 8), np.uint8)
    pixels[:, :4] = 1
    Image.fromarray(pixels).save(tmp_path / "a_mask.png")
    masks = MaskFolder(tmp_path, Form((4, 4), "resize", 3))
    masks.add(pd.DataFrame({"file": ["a.png"]}), np.tile([4.0, 3, 2, 1], (1, 4, 1)))
    found = masks.measure()
    assert (found["images"], found["masked"], found["pixel_auroc"]) == (1, 1, 1.0)


def test_images_without_names_have_no_masks(tmp_path: Path) -> None:
    with pytest.raises(HourglassError, match="go by the names of files"):
        MaskFolder(tmp_path, AS_IS).add(pd.DataFrame({"row": [0]}), np.ones((1, 4, 4)))
