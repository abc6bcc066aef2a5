import numpy as np
import pytest
import torch

from hourglass import models
from hourglass.models.shared.batch import Batch
from hourglass.models.shared.divergences import mmd
from hourglass.models.shared.terms import Context
from hourglass.training.loop import fit
from hourglass.training.settings import TrainSettings


def test_the_penalty_compares_the_codes_with_a_draw_from_the_prior(surface):
    model, x = models.build("wae", (2, 3), {"latent": 3, "hidden": [16]}, seed=0), surface(50, 0)
    term = model.losses(Batch.of(x), Context(torch.Generator().manual_seed(1)))["mmd"]
    prior = torch.randn(50, 3, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(term.value, mmd(model.encode(x)["z"], prior))
    assert term.weight == 10.0


def p_value(z, generator, permutations=200):
    """Permutation test of z against as many draws from N(0, 1)."""
    prior = torch.randn(z.shape, generator=generator)
    both, n = torch.cat([z, prior]), len(z)
    found = mmd(z, prior).mean()
    orders = [torch.randperm(2 * n, generator=generator) for _ in range(permutations)]
    chance = torch.stack([mmd(both[order[:n]], both[order[n:]]).mean() for order in orders])
    return (1 + (chance >= found).sum().item()) / (1 + permutations)


@pytest.mark.long
@pytest.mark.slow
def test_trained_codes_pass_for_the_prior_and_untrained_ones_do_not(tmp_path):
    generator = torch.Generator().manual_seed(0)
    mixing = torch.randn(4, 6, generator=generator)

    def rows(count):
        return torch.rand(count, 4, generator=generator) @ mixing + 0.1 * torch.randn(count, 6, generator=generator)

    model = models.build("wae", (6,), {"latent": 3, "hidden": [64], "penalty": 100.0}, seed=0)
    unseen = rows(500)
    with torch.no_grad():
        before = p_value(model.encode(unseen)["z"], torch.Generator().manual_seed(1))
    settings = TrainSettings(epochs=60, batch=256, lr=5e-3)
    fit(model, Batch.of(rows(4096)), Batch.of(rows(512)), settings, seed=0, folder=tmp_path)
    with torch.no_grad():
        after = np.median(
            [p_value(model.encode(unseen)["z"], torch.Generator().manual_seed(seed)) for seed in range(3)]
        )
    assert before < 0.01 < after
