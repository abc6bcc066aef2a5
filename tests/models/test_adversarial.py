from statistics import median

import pytest
import torch

from hourglass import models
from hourglass.models.shared.batch import Batch
from hourglass.models.shared.divergences import _kernel, mmd
from hourglass.models.shared.priors import PRIORS
from hourglass.models.shared.terms import Context
from hourglass.training.loop import fit
from hourglass.training.settings import TrainSettings

ROWS, PERMUTATIONS = 500, 200


def build(seed=0, **settings):
    return models.build("adversarial", (2, 3), {"latent": 2, "hidden": [64]} | settings, seed=seed)


def rows_of(prior, count, seed):
    """Make rows of two factors that are distributed like the prior, behind a map that the encoder has to undo."""
    generator = torch.Generator().manual_seed(seed)
    directions = 0.5 * torch.randn(
        2, 6, generator=torch.Generator().manual_seed(0)
    )  # few rows are at the ends of (0, 1)
    factors = PRIORS[prior](2).draw(count, generator)
    noise = 0.05 * torch.randn(count, 6, generator=generator)
    return (factors @ directions + noise).sigmoid().unflatten(1, (2, 3))


def p_value(codes, draws):
    """Chance of an MMD as large as this one if both were of one distribution, by permuting which is which."""
    both, generator = torch.cat([codes, draws]), torch.Generator().manual_seed(0)
    kernel = _kernel(both, both).fill_diagonal_(0)

    def discrepancy(order):
        one, other = order[:ROWS], order[ROWS:]
        within = (kernel[one][:, one].sum() + kernel[other][:, other].sum()) / (ROWS * (ROWS - 1))
        return (within - 2 * kernel[one][:, other].mean()).item()

    seen = discrepancy(torch.arange(2 * ROWS))
    assert seen == pytest.approx(mmd(codes, draws).mean().item(), abs=1e-4)
    by_chance = [discrepancy(torch.randperm(2 * ROWS, generator=generator)) for _ in range(PERMUTATIONS)]
    return (sum(value >= seen for value in by_chance) + 1) / (PERMUTATIONS + 1)


def p_values(prior, seed, folder):
    """Train on rows of the prior's kind; hold the codes of new ones against the prior, after training and before."""
    model, untrained = build(seed, prior=prior), build(seed, prior=prior)
    rows = (Batch.of(rows_of(prior, 4096, 1)), Batch.of(rows_of(prior, 1024, 2)))
    fit(model, *rows, TrainSettings(epochs=40, batch=128, lr=5e-3, patience=40), seed=seed, folder=folder)
    draws = PRIORS[prior](2).draw(ROWS, torch.Generator().manual_seed(13))
    with torch.no_grad():
        codes, before = (one.eval().encode(rows_of(prior, ROWS, 3))["z"] for one in (model, untrained))
    return p_value(codes, draws), p_value(before, draws)


def test_codes_follow_the_prior_where_an_untrained_encoders_dont(tmp_path):
    after, before = p_values("gaussian", 0, tmp_path)
    assert after > 0.01 > before


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("prior", PRIORS)
def test_codes_follow_each_prior_in_most_of_three_trainings(prior, tmp_path):
    found = []
    for seed in range(3):
        (folder := tmp_path / str(seed)).mkdir()
        found.append(p_values(prior, seed, folder))
    after, before = zip(*found, strict=True)
    assert median(after) > 0.01
    assert max(before) < 0.01


def test_each_phase_leaves_the_others_parameters_alone(surface):
    model, batch = build(), Batch.of(surface(64, 0))
    context = Context(torch.Generator().manual_seed(0))
    nets, judge = model.phases()
    encoder = list(model.encoder.parameters())
    assert all(
        gradient is None
        for gradient in torch.autograd.grad(
            judge.losses(batch, context)["discriminator"].value.sum(), encoder, allow_unused=True, retain_graph=True
        )
    )
    assert not set(map(id, nets.parameters)) & set(map(id, judge.parameters))


def test_losses_are_cross_entropies_on_logits(surface):
    model, batch = build(), Batch.of(surface(64, 0))
    z = model.encode(batch.x)["z"]
    real = PRIORS["gaussian"](2).draw(64, torch.Generator().manual_seed(4))
    entropy = torch.nn.BCEWithLogitsLoss(reduction="none")
    fake_logit, real_logit = (model.discriminator(codes).squeeze(1) for codes in (z, real))
    ones = torch.ones(64)
    found = model.judge(batch, Context(torch.Generator().manual_seed(4)))["discriminator"].value
    torch.testing.assert_close(found, 0.5 * (entropy(real_logit, ones) + entropy(fake_logit, 0 * ones)))
    deceived = model.losses(batch, Context(torch.Generator()))["deception"].value
    torch.testing.assert_close(deceived, entropy(fake_logit, ones))


def test_the_epoch_to_keep_is_chosen_without_the_game(surface):
    model = build().eval()
    terms = model.losses(Batch.of(surface(64, 0)), Context(torch.Generator().manual_seed(0)))
    assert set(terms) == set(model.monitor) == {"reconstruction", "mmd"}
