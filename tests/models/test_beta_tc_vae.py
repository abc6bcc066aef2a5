import pytest
import torch

from hourglass import models
from hourglass.models.shared.batch import Batch
from hourglass.models.shared.divergences import log_normal, reparameterise
from hourglass.models.shared.terms import Context
from hourglass.training.loop import fit
from hourglass.training.settings import TrainSettings


def total_correlation(model, x):
    """Of codes taken as Gaussian: what the determinant of their correlations lacks."""
    with torch.no_grad():
        mu, logvar = model.eval().encode(x).values()
        z = reparameterise(mu, logvar, torch.Generator().manual_seed(0))
    return -0.5 * torch.linalg.slogdet(torch.corrcoef(z.T)).logabsdet.item()


def tangled(count, seed):
    """Draw rows of two factors of different size, mixed; codes as wide as the row can tangle or tell them apart."""
    generator = torch.Generator().manual_seed(seed)
    factors = torch.randn(count, 2, generator=generator) * torch.tensor([1.0, 0.5])
    mixing = torch.linalg.qr(torch.randn(6, 6, generator=torch.Generator().manual_seed(5))).Q[:2]
    return (factors @ mixing + 0.05 * torch.randn(count, 6, generator=generator)).unflatten(1, (2, 3))


@pytest.mark.long
@pytest.mark.parametrize(("variant", "weight"), [("beta_tc_vae", "beta"), ("factor_vae", "gamma")])
def test_a_heavier_total_correlation_makes_units_independent(variant, weight, tmp_path):
    found = {}
    for value in (0.01, 20.0):
        # a sharp decoder, beside which the KL alone is too light to part the factors
        settings = {"latent": 4, "hidden": [32], "sigma": 0.1, weight: value}
        correlations = []
        for seed in range(3):
            model = models.build(variant, (2, 3), settings, seed=seed)
            rows, folder = (Batch.of(tangled(1024, 1)), Batch.of(tangled(256, 2))), tmp_path / f"{value}-{seed}"
            folder.mkdir()
            fit(model, *rows, TrainSettings(epochs=30, batch=128, lr=5e-3, patience=30), seed=seed, folder=folder)
            correlations.append(total_correlation(model, tangled(2000, 3)))
        found[value] = sum(correlations) / 3
    assert found[20.0] < 0.5 * found[0.01], found


def test_the_parts_of_the_kl_sum_to_it(surface):
    model, x = models.build("beta_tc_vae", (2, 3), {"latent": 3, "hidden": [16]}, seed=0), surface(50, 0)
    terms = model.losses(Batch.of(x), Context(torch.Generator().manual_seed(4)))
    mu, logvar = model.encode(x).values()
    z = reparameterise(mu, logvar, torch.Generator().manual_seed(4))
    whole = log_normal(z, mu, logvar) - log_normal(z, 0 * mu, 0 * logvar)
    parts = [terms[name].value for name in ("index_code_mi", "total_correlation", "unit_kl")]
    torch.testing.assert_close(torch.stack(parts).sum(0), whole, rtol=1e-4, atol=1e-4)
