from math import log

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from hourglass.models.shared.diagnostics import mutual_information, posterior
from hourglass.models.shared.divergences import gaussian_kl, log_mixture, log_normal, reparameterise


def generator():
    return torch.Generator().manual_seed(0)


def test_posteriors_that_are_all_the_same_say_nothing():
    mu, logvar = torch.ones(300, 4), torch.zeros(300, 4)
    assert mutual_information(mu, logvar, generator()) == pytest.approx(0, abs=1e-5)


def test_posteriors_that_never_overlap_tell_every_row_apart():
    mu = 100.0 * torch.arange(300.0)[:, None].expand(300, 2)
    assert mutual_information(mu, torch.zeros(300, 2), generator()) == pytest.approx(log(300), rel=1e-5)


@pytest.mark.parametrize("spread", [0.3, 1.0, 3.0])
def test_mutual_information_of_a_gaussian_channel_is_shannons(spread):
    """z = mu + noise with mu ~ N(0, spread^2): I = log(1 + spread^2) / 2."""
    mu = spread * torch.randn(4000, 1, generator=generator())
    found = mutual_information(mu, torch.zeros(4000, 1), torch.Generator().manual_seed(1))
    assert found == pytest.approx(0.5 * log(1 + spread**2), abs=0.05)


def test_mutual_information_is_that_of_the_densities_one_by_one():
    mu, logvar = torch.randn(40, 3, generator=generator()), torch.randn(40, 3, generator=generator()) - 2
    z = reparameterise(mu, logvar, torch.Generator().manual_seed(1))
    expected = (log_normal(z, mu, logvar) - log_mixture(z, mu, logvar)).mean().item()
    assert mutual_information(mu, logvar, torch.Generator().manual_seed(1)) == pytest.approx(expected, rel=1e-5)


def test_mutual_information_of_wide_codes_makes_no_tensor_of_all_pairs_of_rows_by_units():
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as memory:
        mutual_information(torch.zeros(64, 2048), torch.zeros(64, 2048), generator())
    assert max(event.cpu_memory_usage for event in memory.key_averages()) < 64 * 64 * 2048


def test_active_units_and_kl_are_told_unit_by_unit():
    rows = torch.randn(500, 1, generator=generator())
    mu = torch.cat([2 * rows, 0.05 * rows, 0 * rows], dim=1)
    logvar = torch.tensor([-2.0, 0.0, 0.5]).expand(500, 3)
    found = posterior(mu, logvar, generator())
    assert found["active_units"] == 1
    assert [found[f"kl_{unit}"] for unit in (1, 2, 3)] == pytest.approx(gaussian_kl(mu, logvar).mean(0).tolist())
    assert set(found) == {"active_units", "mutual_information", "kl_1", "kl_2", "kl_3"}
