import pytest
import torch

from hourglass import models
from hourglass.errors import HourglassError
from hourglass.models.shared.batch import Batch
from hourglass.models.shared.terms import Context
from hourglass.training.loop import fit
from hourglass.training.settings import TrainSettings

SHAPE = (2, 3)


def rows(count, seed):
    """Draw rows that vary in every direction, in four of six only little."""
    scale = torch.tensor([1.0, 1.0, 0.3, 0.3, 0.3, 0.3])
    return (torch.randn(count, 6, generator=torch.Generator().manual_seed(seed)) * scale).unflatten(1, SHAPE)


def error_on_noise(folder, variant, **settings):
    """Train a linear net; give its error on rows of pure noise, as a share of their variance."""
    model = models.build(variant, SHAPE, {"hidden": [], "latent": 12} | settings, seed=0)
    folder.mkdir()
    fit(
        model,
        Batch.of(rows(512, 1)),
        Batch.of(rows(64, 2)),
        TrainSettings(epochs=60, batch=32, lr=1e-2),
        seed=0,
        folder=folder,
    )
    noise = torch.randn(500, *SHAPE, generator=torch.Generator().manual_seed(5))
    return (model.eval().reconstruct(noise) - noise).square().mean().item()


def test_the_code_is_twice_as_wide_as_the_row_unless_set():
    assert models.build("overcomplete", SHAPE, {}, seed=0).latent == 12
    assert models.build("overcomplete", SHAPE, {"latent": 7}, seed=0).latent == 7


@pytest.mark.parametrize("latent", [1, 6])
def test_a_code_that_is_not_wider_than_the_row_is_refused(latent):
    with pytest.raises(HourglassError, match=rf"overcomplete\.latent is {latent}, and a row has 6 values"):
        models.build("overcomplete", SHAPE, {"latent": latent}, seed=0)


def test_no_regulariser_is_refused():
    with pytest.raises(HourglassError, match=r"no regulariser, so it would learn to copy; set overcomplete\.noise"):
        models.build("overcomplete", SHAPE, {"noise": 0.0}, seed=0)


@pytest.mark.parametrize(
    "regulariser", [{"noise": 0.5}, {"noise": 0.0, "sparsity": 1.0}, {"noise": 0.0, "contraction": 20.0}], ids=str
)
def test_it_is_not_the_identity(tmp_path, regulariser):
    """A plain net of that width copies even what is like no row; a regularised one has learned the rows alone."""
    assert error_on_noise(tmp_path / "plain", "autoencoder") < 0.02
    assert error_on_noise(tmp_path / "regularised", "overcomplete", **regulariser) > 0.2


def test_only_penalties_with_a_weight_are_measured(surface):
    model = models.build("overcomplete", SHAPE, {"sparsity": 0.5}, seed=0)
    terms = model.losses(Batch.of(surface(8, 0)), Context(torch.Generator()))
    assert {name: term.weight for name, term in terms.items()} == {"reconstruction": 1.0, "l1": 0.5}


@pytest.mark.parametrize("change", ["smaller", "shifted"])
def test_neither_smaller_nor_shifted_codes_are_a_way_out_of_the_contraction(surface, change):
    model, x = models.build("overcomplete", SHAPE, {"noise": 0.0, "contraction": 1.0}, seed=0), surface(64, 0)
    losses = lambda: model.losses(Batch.of(x), Context(torch.Generator().manual_seed(0)))["jacobian"].value  # noqa: E731
    before = losses()
    with torch.no_grad():
        if change == "smaller":
            model.encoder[-1].weight.mul_(0.01)
        else:
            model.encoder[-1].bias.add_(1000)
    torch.testing.assert_close(losses(), before, rtol=1e-3, atol=0)
