"""Rows are changed as their kind allows, in training alone, and by the generator alone."""

import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hourglass import models
from hourglass.errors import HourglassError
from hourglass.models.shared.batch import Batch
from hourglass.training.augment import Augment
from hourglass.training.loop import METRICS_FILE, fit
from hourglass.training.settings import TrainSettings

SHAPES = {"image": (3, 16, 12), "signal": (2, 24), "table": (7,)}
CASES = [
    ("flip", "image"),
    ("flip_vertical", "image"),
    ("shift", "image"),
    ("noise", "image"),
    ("shift", "signal"),
    ("scale", "signal"),
    ("invert", "signal"),
    ("noise", "signal"),
    ("noise", "table"),
    ("swap", "table"),
]


def rows(kind, count=200):
    return Batch.of(torch.randn(count, *SHAPES[kind], generator=torch.Generator().manual_seed(0)))


def model(kind, variant="autoencoder", **beside):
    return models.build(variant, SHAPES[kind], {"latent": 2, "hidden": [8], "net": "mlp"}, seed=0, **beside)


def changed(name, batch, categories=(), seed=1):
    return Augment((name,), categories)(batch, torch.Generator().manual_seed(seed)).x


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_rows_are_changed_by_the_generator_alone_and_the_batch_stays(name, kind):
    batch = rows(kind)
    kept = batch.x.clone()
    found = Augment.of([name], model(kind))(batch, torch.Generator().manual_seed(1))
    assert torch.equal(batch.x, kept)
    assert found.target is found.x
    assert found.x.shape == kept.shape
    assert not torch.equal(found.x, kept)
    assert torch.equal(found.x, changed(name, batch))
    assert not torch.equal(found.x, changed(name, batch, seed=2))
    assert torch.equal(found.index, batch.index)


@pytest.mark.parametrize(("name", "dim"), [("flip", -1), ("flip_vertical", -2)])
def test_a_flip_mirrors_one_half_of_the_rows_whole(name, dim):
    x = rows("image").x
    mirrored = (changed(name, rows("image")) == x.flip(dim)).flatten(1).all(1)
    same = (changed(name, rows("image")) == x).flatten(1).all(1)
    assert (mirrored ^ same).all()
    assert 70 < mirrored.sum() < 130


@given(height=st.integers(2, 20), width=st.integers(2, 20), seed=st.integers(0, 99))
def test_a_shift_moves_a_row_as_a_whole_and_puts_zeros_where_it_was(height, width, seed):
    place = torch.arange(1.0, height * width + 1).view(1, 1, height, width)
    found = changed("shift", Batch.of(place.repeat(5, 1, 1, 1)), seed=seed)
    for row in found[:, 0]:
        there = row.nonzero()
        came_from = torch.stack([(row[row > 0] - 1) // width, (row[row > 0] - 1) % width], 1)
        steps = (there - came_from).unique(dim=0)
        assert len(steps) == 1
        down, right = (int(step) for step in steps[0])
        assert abs(down) <= max(1, round(height / 8))
        assert abs(right) <= max(1, round(width / 8))
        assert len(there) == (height - abs(down)) * (width - abs(right))


def test_channels_of_a_signal_are_shifted_together():
    x = torch.arange(1.0, 25).repeat(50, 2, 1)
    found = changed("shift", Batch.of(x))
    assert torch.equal(found[:, 0], found[:, 1])
    assert {int(step) for step in (found[:, 0, 12] - x[:, 0, 12])} == set(range(-3, 4))


def test_a_row_is_made_louder_or_softer_by_six_decibels_at_most():
    gains = changed("scale", rows("signal", 3000)) / rows("signal", 3000).x
    decibels = 20 * gains[:, 0, 0].log10()
    torch.testing.assert_close(gains, gains[:, :1, :1].expand_as(gains), rtol=1e-4, atol=0)
    assert decibels.abs().max() <= 6.001
    assert decibels.std().item() == pytest.approx(12 / 12**0.5, rel=0.03)


def test_one_half_of_the_rows_is_inverted():
    signs = (changed("invert", rows("signal")) / rows("signal").x).flatten(1)
    assert (signs == signs[:, :1]).all()
    assert set(signs[:, 0].tolist()) == {-1.0, 1.0}


def test_noise_has_its_deviation_and_leaves_categories():
    found = changed("noise", rows("table", 20_000), [(2, 5)]) - rows("table", 20_000).x
    assert not found[:, 2:5].any()
    assert found[:, [0, 1, 5, 6]].std().item() == pytest.approx(0.1, rel=0.02)


def test_a_tenth_of_the_values_comes_from_another_row_and_categories_come_whole():
    x = torch.arange(2000.0)[:, None] + torch.arange(7) / 10
    found = changed("swap", Batch.of(x), [(2, 5)])
    origin = (found - torch.arange(7) / 10).round()
    assert (origin[:, 2:5] == origin[:, 2:3]).all()
    swapped = origin != torch.arange(2000.0)[:, None]
    assert swapped[:, [0, 1, 2, 5, 6]].float().mean().item() == pytest.approx(0.1, abs=0.01)


@pytest.mark.parametrize(
    ("name", "kind", "sentence"),
    [
        ("flip", "table", r"'flip', which is for images .* have the shape \(7,\). Take it out, or take of noise, swap"),
        ("flip", "signal", r"'flip', which is for images .*, or take of shift, scale, invert, noise"),
        ("swap", "image", r"'swap', which is for tables; these rows have the shape \(3, 16, 12\)"),
        ("shift", "table", r"'shift', which is for images .* or signals"),
    ],
)
def test_what_doesnt_fit_the_rows_is_refused_before_training(name, kind, sentence, tmp_path):
    with pytest.raises(HourglassError, match=f"train.augment names {sentence}"):
        fit(model(kind), rows(kind), rows(kind), TrainSettings(augment=[name]), seed=0, folder=tmp_path)
    assert not list(tmp_path.iterdir())


def test_rows_arent_moved_apart_from_the_array_that_belongs_to_them():
    told = model("image", "cvae", known=3 * 16 * 12 + 1, known_shape=SHAPES["image"])
    assert Augment.of(["noise"], told).names == ("noise",)
    with pytest.raises(HourglassError, match=r"'flip', which would move a row and not the array of data.condition"):
        Augment.of(["flip"], told)


def test_values_that_the_likelihood_cant_have_are_refused():
    bounded = models.build("autoencoder", (7,), {"latent": 2, "likelihood": "bernoulli"}, seed=0)
    assert Augment.of(["swap"], bounded).names == ("swap",)
    with pytest.raises(HourglassError, match="'noise', which gives values that the variant's likelihood can't have"):
        Augment.of(["noise"], bounded)


def train(folder, augment, on_epoch=None, **settings):
    folder.mkdir(exist_ok=True)
    trained = model("table")
    settings = TrainSettings(**{"epochs": 4, "batch": 16, "checkpoint_seconds": 0.0} | settings, augment=augment)
    fit(trained, rows("table", 40), rows("table", 20), settings, seed=3, folder=folder, on_epoch=on_epoch)
    return trained, [json.loads(line) for line in (folder / METRICS_FILE).read_text().splitlines()]


def test_validation_sees_rows_as_they_are(tmp_path):
    plain, other = (
        train(tmp_path / name, augment, lr=1e-9)[1] for name, augment in [("plain", None), ("other", ["noise", "swap"])]
    )
    for without, with_changes in zip(plain, other, strict=True):
        error = with_changes["validation"]["reconstruction"]
        assert error == pytest.approx(without["validation"]["reconstruction"], rel=1e-5)
        assert abs(with_changes["train"]["reconstruction"] - without["train"]["reconstruction"]) > 1e-3


class KilledError(Exception):
    """Stands for whatever ends a process between two epochs."""


def test_a_resumed_training_equals_an_uninterrupted_one_bit_for_bit(tmp_path):
    def kill(record):
        if record["epoch"] == 2:
            raise KilledError

    whole, log = train(tmp_path / "whole", ["noise", "swap"])
    with pytest.raises(KilledError):
        train(tmp_path / "resumed", ["noise", "swap"], kill)
    resumed, other = train(tmp_path / "resumed", ["noise", "swap"])
    assert other == log
    for name, value in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name


def binary(likelihood="bernoulli"):
    settings = {"latent": 2, "hidden": [8], "net": "mlp", "likelihood": likelihood}
    return models.build("vae", SHAPES["image"], settings, seed=0)


def test_pixels_are_the_probabilities_of_the_black_and_white_that_is_drawn():
    probability = torch.tensor([0.0, 0.2, 0.9, 1.0])
    batch = Batch.of(probability.expand(20_000, 1, 1, 4).contiguous())
    drawn = Augment.of(["binarise"], binary())(batch, torch.Generator().manual_seed(0))
    assert drawn.target is drawn.x
    assert set(drawn.x.unique().tolist()) == {0, 1}
    torch.testing.assert_close(drawn.x.mean((0, 1, 2)), probability, atol=0.015, rtol=0)
    assert drawn.x.mean((0, 1, 2))[[0, 3]].tolist() == [0, 1], "no grey is none"


@pytest.mark.parametrize("likelihood", ["mse", "gaussian"])
def test_black_and_white_is_for_a_likelihood_of_it(likelihood):
    with pytest.raises(HourglassError, match=r"names 'binarise', .* set likelihood: bernoulli"):
        Augment.of(["binarise"], binary(likelihood))
