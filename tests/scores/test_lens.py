import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from hourglass import scores
from hourglass.scores.shared.lens import Lens
from hourglass.scores.shared.seen import Seen

IMAGE = (2, 28, 30)


def images(count: int, seed: int = 0) -> Tensor:
    return torch.rand(count, *IMAGE, generator=torch.Generator().manual_seed(seed)).flatten(1)


def test_images_are_smoothed_by_a_gaussian_of_a_pixel() -> None:
    given = images(3)
    reference = gaussian_filter(given.numpy().reshape(3, *IMAGE), (0, 0, 1, 1), mode="constant", radius=(0, 0, 3, 3))
    np.testing.assert_allclose(Lens(IMAGE).smooth(given).numpy().reshape(3, *IMAGE), reference, atol=1e-6)


def test_small_images_are_smoothed_less() -> None:
    spot = torch.zeros(1, 64)
    spot[0, 27] = 1.0
    assert Lens((1, 8, 8)).smooth(spot)[0, 27] > 0.99


def test_contrast_makes_no_difference_and_the_usual_norm_stays() -> None:
    given, lens = images(5), Lens(IMAGE)
    lens.fit(given)
    bright, dark = lens(given, 0.1 * given), lens(0.5 * given, 0.05 * given)
    for one, other in zip(bright, dark, strict=True):
        torch.testing.assert_close(one, other)
    torch.testing.assert_close(bright[0].norm(dim=1), lens.usual.expand(5))
    torch.testing.assert_close(bright[1], 0.1 * bright[0])


def test_an_empty_image_is_far_from_all_others_and_finite() -> None:
    given, lens = images(5), Lens(IMAGE)
    lens.fit(given)
    (nothing,) = lens(torch.zeros_like(given[:1]))
    assert torch.equal(nothing, torch.zeros_like(nothing))
    blank = Lens(IMAGE)
    blank.fit(torch.zeros_like(given))
    assert torch.isfinite(blank(torch.zeros_like(given))[0]).all()


def test_rows_that_are_no_images_stay_as_they_are() -> None:
    rows = torch.randn(4, 7)
    lens = Lens()
    lens.fit(rows)
    assert lens(rows)[0] is rows


@pytest.mark.parametrize("name", ["memory", "neighbours", "blend"])
def test_parts_of_images_sum_to_the_score_which_contrast_does_not_change(name: str) -> None:
    def seen(x: Tensor) -> Seen:
        return Seen(x, x.new_zeros(len(x), 2), 0.1 * x)

    score, fresh = scores.get(name)(IMAGE).fit(seen(images(30))), images(6, seed=1)
    parts = score.parts(seen(fresh))
    assert (parts >= 0).all()
    torch.testing.assert_close(parts.sum(1), score(seen(fresh)))
    if name != "blend":
        torch.testing.assert_close(score(seen(fresh)), score(seen(0.5 * fresh)))
