import pytest
import torch

from hourglass.models.shared.alarms import POSTERIOR_COLLAPSED, UNITS_IDLE, WORDS, of_code
from hourglass.models.shared.diagnostics import posterior


def alarms(mu, logvar):
    return of_code(posterior(mu, logvar, torch.Generator().manual_seed(0)))


def rows(*spreads):
    """Means of 400 rows that spread so far in each unit."""
    return torch.randn(400, len(spreads), generator=torch.Generator().manual_seed(1)) * torch.tensor(spreads)


def test_a_posterior_that_is_the_prior_for_every_row_has_collapsed():
    assert alarms(torch.zeros(400, 3), torch.zeros(400, 3)) == [POSTERIOR_COLLAPSED]


def test_a_code_that_moves_but_drowns_in_its_own_noise_has_collapsed():
    mu = rows(0.15)
    assert mu.var() > 0.01, "the unit counts as active"
    assert alarms(mu, torch.zeros(400, 1)) == [POSTERIOR_COLLAPSED]


@pytest.mark.parametrize(("active", "told"), [(1, [UNITS_IDLE]), (2, []), (4, [])])
def test_fewer_than_half_of_the_units_active_is_told_apart_from_collapse(active, told):
    mu = rows(*[1.0] * active, *[0.0] * (4 - active))
    logvar = torch.tensor([-3.0] * active + [0.0] * (4 - active)).expand(400, 4)
    assert alarms(mu, logvar) == told


def test_a_code_without_a_posterior_warns_of_nothing():
    assert of_code({}) == of_code({"perplexity": 1.0}) == []


def test_every_alarm_names_its_remedy():
    remedies = ("free_bits", "beta", "train.kl_warmup", "train.kl_cycles", "decoder_hidden")
    assert all(remedy in WORDS[POSTERIOR_COLLAPSED] for remedy in remedies)
    assert "free_bits" in WORDS[UNITS_IDLE]
