from itertools import pairwise

import pytest
import torch

from hourglass import models
from hourglass.models.shared.batch import Batch
from hourglass.models.shared.terms import Context
from hourglass.training.loop import fit, measure
from hourglass.training.settings import TrainSettings


def trained(surface, folder, seed, **settings):
    """Train with squared error, whose width can't make up for beta; give reconstruction and KL on unseen rows."""
    fixed = {"latent": 3, "hidden": [32], "likelihood": "mse"}
    model = models.build("beta_vae", (2, 3), fixed | settings, seed=seed)
    rows = (Batch.of(10 * surface(256, 1)), Batch.of(10 * surface(64, 2)))
    folder.mkdir(exist_ok=True)
    fit(model, *rows, TrainSettings(epochs=60, batch=32, lr=1e-2), seed=seed, folder=folder)
    return measure(model, Batch.of(10 * surface(500, 3)), seed=0)


@pytest.mark.long
@pytest.mark.slow
def test_more_beta_gives_less_kl_and_more_error(surface, tmp_path):
    betas = (0.25, 1.0, 4.0, 16.0)
    runs = {
        (beta, seed): trained(surface, tmp_path / f"{beta} {seed}", seed, beta=beta)
        for beta in betas
        for seed in range(3)
    }
    for term, larger in (("kl", False), ("reconstruction", True)):
        means = [sum(runs[beta, seed][term] for seed in range(3)) / 3 for beta in betas]
        assert all((after > before) == larger and after != before for before, after in pairwise(means)), (term, means)


@pytest.mark.parametrize("capacity", [1.0, 3.0])
def test_the_kl_goes_to_the_capacity(surface, tmp_path, capacity):
    assert trained(surface, tmp_path, 0, beta=100.0, capacity=capacity)["kl"] == pytest.approx(capacity, rel=0.15)


def test_the_capacity_grows_with_the_warm_up(surface):
    model = models.build("beta_vae", (2, 3), {"latent": 3, "hidden": [8], "capacity": 5.0, "beta": 7.0}, seed=0)
    terms = model.losses(Batch.of(surface(10, 0)), Context(torch.Generator(), kl_weight=0.4))
    torch.testing.assert_close(terms["excess"].value, (terms["kl"].value - 2.0).abs())
    assert (terms["kl"].weight, terms["excess"].weight) == (0.0, 7.0)


def test_with_a_beta_of_1_it_is_the_vae(surface):
    batch, found = Batch.of(surface(10, 0)), []
    for variant, settings in (("vae", {}), ("beta_vae", {"beta": 1.0})):
        model = models.build(variant, (2, 3), {"latent": 3, "hidden": [8]} | settings, seed=0)
        found.append(model.losses(batch, Context(torch.Generator().manual_seed(0), kl_weight=0.5)))
    for vae, beta_vae in zip(found[0].values(), found[1].values(), strict=True):
        assert torch.equal(vae.value, beta_vae.value)
        assert vae.weight == beta_vae.weight


def test_free_bits_keep_units_alive_that_the_weight_would_kill(surface, tmp_path):
    found = {}
    for free in (0.0, 0.5):
        model = models.build("beta_vae", (2, 3), {"latent": 3, "hidden": [32], "beta": 50.0, "free_bits": free}, seed=0)
        folder = tmp_path / str(free)
        folder.mkdir()
        rows = (Batch.of(surface(256, 1)), Batch.of(surface(64, 2)))
        fit(model, *rows, TrainSettings(epochs=60, batch=32, lr=1e-2), seed=0, folder=folder)
        found[free] = model.eval().diagnose(Batch.of(surface(500, 3)), torch.Generator().manual_seed(0))
    assert found[0.0]["active_units"] == 0
    assert found[0.5]["active_units"] == 3
    assert all(found[0.5][f"kl_{unit}"] == pytest.approx(0.5, abs=0.15) for unit in (1, 2, 3))
