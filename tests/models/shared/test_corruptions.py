from itertools import combinations_with_replacement

import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp

from hourglass.models.shared.corruptions import (
    CORRUPTIONS,
    DECIBELS,
    OF_IMAGES,
    SHARES,
    SPECTRAL,
    additive,
    amplitude,
    babble,
    drop_out,
    gaussian,
    in_phase,
    louder,
    rician,
    salt_and_pepper,
    spread_out,
    warp,
    with_noise,
)
from hourglass.runtime.audio import AudioSchema

SUMS_OF_FOUR = {sum(four) for four in combinations_with_replacement((1.0, 2.0, 3.0, 4.0, 90.0), 4)}


def rows(*shape):
    return 3 + torch.rand(shape, generator=torch.Generator().manual_seed(0))


def corrupt(name, x, level, seed=9):
    return CORRUPTIONS[name][0](x, level, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        (name, shape)
        for name in CORRUPTIONS
        for shape in [(50, 8), (50, 2, 16), (50, 1, 8, 8)]
        if len(shape) == 4 or name not in OF_IMAGES
    ],
)
def test_rows_of_any_shape_are_changed_by_the_generator_alone_and_stay_themselves(name, shape):
    x = rows(*shape)
    kept, noisy = x.clone(), corrupt(name, x, 0.5)
    assert noisy.shape == x.shape
    assert torch.equal(x, kept)
    assert not torch.equal(noisy, x)
    assert torch.equal(noisy, corrupt(name, x, 0.5))


@pytest.mark.parametrize("name", sorted(SHARES))
@pytest.mark.parametrize("level", [0.1, 0.5])
def test_a_share_of_the_values_is_lost(name, level):
    x = rows(400, 1, 50)
    inside = (x > x.amin(2, keepdim=True)) & (x < x.amax(2, keepdim=True))  # pepper on black isn't seen
    assert (corrupt(name, x, level) != x)[inside].float().mean().item() == pytest.approx(level, abs=0.015)


def test_masked_and_dropped_values_are_zero():
    x = rows(100, 40)
    for name in ("masking", "drop_out"):
        noisy = corrupt(name, x, 0.3)
        assert (noisy[noisy != x] == 0).all()


def test_gaussian_noise_has_the_standard_deviation_that_is_set():
    x = rows(1000, 50)
    noise = gaussian(x, 0.3, torch.Generator().manual_seed(9)) - x
    assert noise.std().item() == pytest.approx(0.3, rel=0.02)
    assert noise.mean().item() == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("decibels", [-5.0, 0.0, 20.0])
def test_additive_noise_keeps_the_ratio_that_is_set_in_every_row(decibels):
    x = rows(5, 20_000) * torch.tensor([[0.1], [1.0], [10.0], [100.0], [3.0]])
    noise = additive(x, decibels, torch.Generator().manual_seed(9)) - x
    ratio = 10 * torch.log10(x.var(1) / noise.var(1))
    torch.testing.assert_close(ratio, torch.full((5,), decibels), rtol=0, atol=0.15)


def test_salt_and_pepper_are_the_extremes_of_the_row_and_equally_many():
    x = rows(400, 50)
    noisy = salt_and_pepper(x, 0.4, torch.Generator().manual_seed(9))
    low, high = (noisy == x.amin(1, keepdim=True)), (noisy == x.amax(1, keepdim=True))
    assert (low | high)[noisy != x].all()
    assert low.float().mean().item() == pytest.approx(high.float().mean().item(), abs=0.02)


def test_a_drop_out_is_one_stretch_in_all_channels():
    noisy = drop_out(rows(50, 3, 40), 0.25, torch.Generator().manual_seed(0))
    lost = noisy == 0
    assert (lost == lost[:, :1]).all()
    assert (lost[:, 0].sum(1) == 10).all()
    assert (lost[:, 0].int().diff(dim=1).abs().sum(1) <= 2).all()


def ramps(rows, height, width):
    """Draw images in two channels of how far down and how far right a pixel lies, in sides of the image."""
    down, right = ((torch.arange(side) + 0.5) / side for side in (height, width))
    return torch.stack(torch.meshgrid(down, right, indexing="ij")).expand(rows, 2, height, width)


def test_a_warp_moves_its_points_by_the_share_of_the_side_that_is_set():
    x = ramps(1000, 16, 22)
    moved = (warp(x, 0.02, torch.Generator().manual_seed(9)) - x)[:, :, [5, 10]][..., [7, 14]]  # the inner points
    assert moved.std().item() == pytest.approx(0.02, rel=0.1)
    assert moved.mean().item() == pytest.approx(0, abs=1e-3)


def test_a_warp_is_smooth_and_the_same_in_all_channels():
    x = torch.cat([ramps(5, 32, 32), ramps(5, 32, 32)], 1)
    bent = warp(x, 0.05, torch.Generator().manual_seed(9))
    torch.testing.assert_close(bent[:, :2], bent[:, 2:], rtol=0, atol=0)
    bends = bent[:, :, 4:-4, 4:-4].diff(n=2, dim=2).abs()
    assert bends.max() < 0.02, "neighbours go the same way"


def test_a_warp_of_nothing_leaves_images_as_they_are_and_one_colour_stays():
    x = rows(5, 3, 9, 12)
    torch.testing.assert_close(warp(x, 0.0, torch.Generator().manual_seed(0)), x)
    plain = torch.full((5, 1, 8, 8), 0.7)
    torch.testing.assert_close(warp(plain, 0.5, torch.Generator().manual_seed(0)), plain)


def test_rician_noise_has_the_power_that_is_set_above_the_floor():
    x = torch.log10(1 + torch.full((400, 20, 10), 5.0))
    noisy = rician(x, 10.0, torch.Generator().manual_seed(0))
    assert (10**noisy - 1).mean().item() == pytest.approx(5 + 10, rel=0.01)


def test_rician_noise_on_a_spectrogram_is_white_noise_on_the_sound():
    schema = AudioSchema(rate=8000, form="spectrogram", frame=64, hop=64, floor=-30.0)
    generator = np.random.default_rng(0)
    sound = 0.3 * np.sin(np.arange(64 * 3000) * 0.7)
    deviation = 10 ** (-30 / 20) * 10 ** (12 / 20)
    clean, _ = schema.encode(schema.pieces(sound))
    heard, _ = schema.encode(schema.pieces(sound + deviation * generator.standard_normal(len(sound))))
    drawn = rician(torch.from_numpy(clean), 12.0, torch.Generator().manual_seed(0)).numpy()
    for place in (3, 7, 20):  # beside the tone, in it, and far from it
        assert ks_2samp(heard[:, place, 0], drawn[:, place, 0]).pvalue > 0.001


def test_rician_noise_of_frames_that_overlap_is_as_alike_as_that_of_a_sound():
    schema = AudioSchema(rate=8000, form="spectrogram", frame=64, hop=16, context=6, floor=-30.0)
    deviation = 10 ** (-30 / 20) * 10 ** (12 / 20)
    sound = deviation * np.random.default_rng(0).standard_normal(64 * 3000)
    heard, _ = schema.encode(schema.pieces(sound, 6)[2:-2])
    drawn = rician(torch.zeros(len(heard), 33, 6), 12.0, torch.Generator().manual_seed(0)).numpy()
    for bins in (slice(4, 12), slice(20, 28)):
        for apart in range(1, 5):
            alike = [
                np.corrcoef(rows[:, bins, 0].ravel(), rows[:, bins, apart].ravel())[0, 1] for rows in (heard, drawn)
            ]
            assert alike[0] == pytest.approx(alike[1], abs=0.03)
    assert np.corrcoef(drawn[:, 9, 2], drawn[:, 9, 3])[0, 1] > 0.4


def test_babble_has_the_power_of_the_rows_that_talk_above_their_own():
    powers = torch.tensor([1.0, 2.0, 3.0, 4.0, 90.0]).view(5, 1, 1)
    x = torch.log10(1 + powers).expand(5, 300, 300)
    noisy = 10 ** babble(x, 3.0, torch.Generator().manual_seed(0)) - 1
    added = (noisy.mean((1, 2)) - powers.flatten()) / 10**0.3 * 4
    for sum_of_four in added.tolist():  # each voice is one of the five rows
        assert min(abs(sum_of_four - total) / total for total in SUMS_OF_FOUR) < 0.05
    assert len({round(value) for value in added.tolist()}) > 1


@pytest.mark.parametrize("name", sorted(SPECTRAL))
def test_the_noise_of_a_spectrogram_is_what_its_corruption_adds(name):
    x = rows(6, 5, 4)
    noise = SPECTRAL[name](x, 3.0, torch.Generator().manual_seed(9))
    assert torch.equal(with_noise(x, noise), corrupt(name, x, 3.0))


def test_amplitudes_in_phase_come_nearest_to_the_sound_with_noisy_phases():
    x = rows(4, 30, 20)
    noise = SPECTRAL["rician"](x, 35.0, torch.Generator().manual_seed(9))
    clean, noisy = amplitude(x) + 0j, torch.complex(amplitude(x) + noise[0], noise[1])

    def error(size):
        return (size * noisy / noisy.abs() - clean).abs().square()

    nearest = amplitude(in_phase(x, noise))
    for other in (0.9 * nearest, 1.1 * nearest + 0.01, amplitude(x)):
        assert (error(nearest) <= error(other) + 1e-2).all()
        assert error(nearest).mean() < error(other).mean()


def test_nobody_talks_behind_silent_rows():
    x = torch.zeros(6, 10, 4)
    assert torch.equal(babble(x, 20.0, torch.Generator().manual_seed(0)), x)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_levels_that_are_spread_stay_within_so_many_decibels_of_the_one_set(name):
    usual = CORRUPTIONS[name][1]
    x = torch.zeros(4000, 2, 3)
    levels = spread_out(name, usual, 6.0, x, torch.Generator().manual_seed(0))
    assert levels.shape == (4000, 1, 1)
    ends = sorted(louder(name, usual, 10 ** (away / 20)) for away in (-6, 6))
    assert ends[0] <= levels.min() < levels.max() <= ends[1]
    if name in DECIBELS:
        torch.testing.assert_close(levels.std().item(), 12 / 12**0.5, rtol=0.02, atol=0)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_level_for_each_row_is_that_of_its_row(name):
    x = rows(2, 1, 50, 80) if name in OF_IMAGES else rows(2, 4000)
    weak, strong = (louder(name, CORRUPTIONS[name][1], amplitude) for amplitude in (0.5, 1.5))
    both = corrupt(name, x, torch.tensor([weak, strong]).view(-1, *[1] * (x.dim() - 1)))
    change = (both - x).square().flatten(1).mean(1)
    for row, level in enumerate((weak, strong)):
        alone = (corrupt(name, x, level) - x).square().flatten(1).mean(1)[row]
        assert change[row].item() == pytest.approx(alone.item(), rel=0.1)
