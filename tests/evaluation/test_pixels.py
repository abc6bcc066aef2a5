"""Maps are held against masks, pixel by pixel and region by region."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score

from hourglass.errors import HourglassError
from hourglass.evaluation.pixels import Masks, pixel_auroc, region_recall
from hourglass.runtime.images import AS_IS, Form


def test_pixel_auroc_is_that_of_scikit_learn_over_the_pixels_of_images_of_any_size() -> None:
    draw = np.random.default_rng(0)
    masks = [draw.random((6, 8)) < 0.2, draw.random((5, 5)) < 0.4, np.zeros((3, 4), bool)]
    maps = [draw.normal(mask * 1.0).round(1) for mask in masks]
    flat = [np.concatenate([one.reshape(-1) for one in ones]) for ones in (masks, maps)]
    assert pixel_auroc(maps, masks) == pytest.approx(roc_auc_score(*flat))


def test_a_small_region_counts_as_much_as_a_large_one() -> None:
    mask = np.zeros((10, 10), bool)
    mask[0, 0] = True
    mask[4:9, 4:9] = True
    shown = np.zeros((10, 10))
    shown[4:9, 4:9] = 1
    shown[6, 4:9] = 0
    assert region_recall([shown], [mask], rate=0.1) == (0 + 0.8) / 2


@pytest.mark.parametrize(("rate", "found"), [(0.1, 1.0), (0.05, 0.0)])
def test_a_region_is_found_where_it_is_odder_than_all_but_so_many_normal_pixels(rate: float, found: float) -> None:
    mask = np.arange(102).reshape(6, 17) == 101
    shown = np.where(mask, 0.93, np.arange(102).reshape(6, 17) / 100)
    assert region_recall([shown], [mask], rate) == found


def test_masks_that_tell_of_nothing_are_refused(tmp_path: Path) -> None:
    masks = Masks(tmp_path, AS_IS)
    masks.add(pd.DataFrame({"file": ["a.png"]}), np.ones((1, 4, 4)))
    with pytest.raises(HourglassError, match="no anomalous pixel"):
        masks.measure()


def test_a_mask_of_another_size_is_named(tmp_path: Path) -> None:
    Image.fromarray(np.full((3, 3), 255, np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(HourglassError, match=r"a\.png has shape \(3, 3\); expected \(4, 4\)"):
        Masks(tmp_path, AS_IS).add(pd.DataFrame({"file": ["a.jpg"]}), np.ones((1, 4, 4)))


def test_masks_are_resized_as_their_images_were(tmp_path: Path) -> None:
    pixels = np.zeros((8, 8), np.uint8)
    pixels[:, :4] = 1
    Image.fromarray(pixels).save(tmp_path / "a_mask.png")
    masks = Masks(tmp_path, Form((4, 4), "resize", 3))
    masks.add(pd.DataFrame({"file": ["a.png"]}), np.tile([4.0, 3, 2, 1], (1, 4, 1)))
    found = masks.measure()
    assert (found["images"], found["masked"], found["pixel_auroc"]) == (1, 1, 1.0)


def test_images_without_names_have_no_masks(tmp_path: Path) -> None:
    with pytest.raises(HourglassError, match="go by the names of files"):
        Masks(tmp_path, AS_IS).add(pd.DataFrame({"row": [0]}), np.ones((1, 4, 4)))
