import pytest
import torch
from torch.func import jacrev, vmap

from hourglass.models.shared.jacobians import squared_jacobian


@pytest.fixture
def net():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return torch.nn.Sequential(torch.nn.Linear(6, 16), torch.nn.SiLU(), torch.nn.Linear(16, 3)).double()


@pytest.fixture
def x():
    return torch.randn(5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def exact(net, x):
    return vmap(jacrev(net))(x).square().sum((1, 2))


def estimate(net, x, probes, seed=0):
    return squared_jacobian(net, x, torch.Generator().manual_seed(seed), probes=probes)


@pytest.mark.parametrize("probes", [3, 5, 6, 7])
def test_enough_probes_give_the_jacobian_of_torch_func(net, x, probes):
    torch.testing.assert_close(estimate(net, x, probes), exact(net, x))


def test_fewer_probes_give_it_on_average(net, x):
    draws = torch.stack([estimate(net, x, 1, seed) for seed in range(2000)])
    error = draws.std(0) / len(draws) ** 0.5
    assert ((draws.mean(0) - exact(net, x)).abs() < 4 * error).all()


def test_more_probes_vary_less(net, x):
    one, two = (torch.stack([estimate(net, x, probes, seed) for seed in range(200)]).std(0) for probes in (1, 2))
    assert (two < one).all()


@pytest.mark.parametrize("probes", [1, 3, 6])
def test_it_can_be_differentiated(net, x, probes):
    weight = net[0].weight
    (found,) = torch.autograd.grad(estimate(net, x, probes).sum(), weight)
    assert found.abs().sum() > 0
    if probes > 1:
        (expected,) = torch.autograd.grad(exact(net, x).sum(), weight)
        torch.testing.assert_close(found, expected)


def test_it_is_the_same_where_no_gradient_is_kept(net, x):
    kept = estimate(net, x, 1).detach()
    with torch.no_grad():
        torch.testing.assert_close(estimate(net, x, 1), kept)
