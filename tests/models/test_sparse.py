import pytest
import torch

from hourglass import models
from hourglass.models.shared.batch import Batch
from hourglass.models.shared.terms import Context
from hourglass.training.loop import fit, measure
from hourglass.training.settings import TrainSettings

SHAPE = (2, 3)


def build(**settings):
    return models.build("sparse", SHAPE, {"latent": 16, "hidden": [32]} | settings, seed=0)


def trained(surface, folder, epochs=60, **settings):
    model = build(**settings)
    rows = (Batch.of(surface(512, 1)), Batch.of(surface(64, 2)))
    fit(model, *rows, TrainSettings(epochs=epochs, batch=32, lr=1e-2), seed=0, folder=folder)
    return model.eval()


def terms_of(model, x):
    return model.losses(Batch.of(x), Context(torch.Generator().manual_seed(0)))


def test_the_l1_penalty_makes_codes_sparser(surface, tmp_path):
    counts = {}
    for penalty in (1e-4, 0.02):
        folder = tmp_path / str(penalty)
        folder.mkdir()
        counts[penalty] = measure(trained(surface, folder, penalty=penalty), Batch.of(surface(500, 3)), seed=0)["l0"]
    assert counts[0.02] < 0.6 * counts[1e-4], counts


@pytest.mark.parametrize("factors", ["smaller", "one larger", "all different"])
def test_scaling_codes_changes_no_term(surface, factors):
    """The decoder takes any scaling back, so a term that it lowers would be a way out."""
    scale = {
        "smaller": torch.full((16,), 0.01),
        "one larger": torch.eye(16)[3] * 99 + 1,
        "all different": torch.logspace(-2, 2, 16),
    }[factors]
    model, x = build(), surface(50, 0)
    before, rebuilt = terms_of(model, x), model.reconstruct(x)
    with torch.no_grad():
        model.encoder[-1].weight.mul_(scale[:, None])
        model.encoder[-1].bias.mul_(scale)
        model.decoder[0].weight.div_(scale)
    torch.testing.assert_close(model.reconstruct(x), rebuilt, rtol=1e-4, atol=1e-5)
    for name, term in terms_of(model, x).items():
        torch.testing.assert_close(term.value, before[name].value, rtol=1e-3, atol=1e-5, msg=name)


def test_training_does_not_lower_l1_by_one_large_unit(surface, tmp_path):
    model = trained(surface, tmp_path, penalty=0.02)
    codes = model.encode(surface(500, 3))["z"].detach()
    size = codes.square().mean(0).sqrt()[(codes > 0).float().mean(0) > 0.1]
    assert len(size) >= 2
    assert size.max() < 10 * size.min(), size


def test_l1_is_that_of_the_codes_by_each_units_root_mean_square(surface):
    model, x = build(), surface(50, 0)
    z = model.encode(x)["z"].detach()
    assert (z >= 0).all()
    size = z.square().mean(0).sqrt().clamp_min(1e-6)
    torch.testing.assert_close(terms_of(model, x)["l1"].value.detach(), (z / size).sum(1))


def test_kl_brings_the_mean_activation_to_the_rate(surface, tmp_path):
    model = trained(surface, tmp_path, sparsity="kl", rate=0.2, penalty=1.0)
    rates = model.encode(surface(500, 3))["z"].mean(0)
    assert ((rates > 0.1) & (rates < 0.3)).all(), rates


def test_kl_is_that_of_two_coins(surface):
    model, x = build(sparsity="kl", rate=0.05), surface(50, 0)
    rates = model.encode(x)["z"].detach().mean(0)
    coins = [torch.distributions.Bernoulli(probs) for probs in (torch.tensor(0.05), rates)]
    expected = torch.distributions.kl_divergence(*coins).sum().expand(50)
    torch.testing.assert_close(terms_of(model, x)["kl_sparsity"].value.detach(), expected)


@pytest.mark.parametrize("k", [1, 4, 16])
def test_top_k_keeps_the_k_largest_and_no_others(surface, k):
    model, x = build(sparsity="top_k", k=k), surface(50, 0)
    z, pre = model.encode(x)["z"], model.encoder(x).relu()
    assert ((z > 0).sum(1) <= k).all()
    largest = pre.sort(dim=1, descending=True).values[:, :k]
    torch.testing.assert_close(z.sort(dim=1, descending=True).values[:, :k], largest)
    assert terms_of(model, x)["l0"].value.max() <= k


@pytest.mark.parametrize("sparsity", ["l1", "top_k"])
def test_dead_units_are_counted_and_revived(surface, tmp_path, sparsity):
    dead = {}
    for revival in (0.0, 0.1):
        model = build(sparsity=sparsity, revival=revival, dead_after=600, penalty=1e-3)
        with torch.no_grad():
            model.encoder[-1].bias[:8] = -5.0
        folder = tmp_path / str(revival)
        folder.mkdir()
        fit(
            model,
            Batch.of(surface(512, 1)),
            Batch.of(surface(64, 2)),
            TrainSettings(epochs=40, batch=32, lr=1e-2),
            seed=0,
            folder=folder,
        )
        dead[revival] = measure(model, Batch.of(surface(500, 3)), seed=0)["dead"]
    assert dead[0.0] >= 4, dead
    assert dead[0.1] <= dead[0.0] / 2, dead


def test_a_unit_is_dead_after_so_many_rows_without_activity(surface):
    model = build(dead_after=100)
    with torch.no_grad():
        model.encoder[-1].bias.fill_(100.0)[0] = -100.0
    found = [terms_of(model, surface(50, seed))["dead"].value[0].item() for seed in range(3)]
    assert found == [0, 1, 1]
