import pytest
import torch

from hourglass.models.shared.transformer import CodeTransformer


@pytest.fixture
def net():
    torch.manual_seed(0)
    return CodeTransformer(5, 7, width=16, layers=3, heads=4)


@pytest.fixture
def index():
    return torch.randint(0, 7, (10, 5), generator=torch.Generator().manual_seed(1))


def test_each_place_has_a_distribution(net, index):
    log_probability = net(index)
    assert log_probability.shape == (10, 5, 7)
    torch.testing.assert_close(log_probability.exp().sum(-1), torch.ones(10, 5))


@pytest.mark.parametrize("place", range(5))
def test_a_place_sees_those_before_and_no_other(net, index, place):
    changed = index.clone()
    changed[:, place] = (changed[:, place] + 1) % 7
    before, after = net(index), net(changed)
    torch.testing.assert_close(before[:, : place + 1], after[:, : place + 1])
    assert ((before - after)[:, place + 1 :].abs().amax((0, 2)) > 1e-4).all(), "each later place sees it"


def test_steps_say_what_the_whole_says(net, index):
    whole, cache = net(index), torch.randn(net.empty(10).shape)
    before = torch.full((10,), 7)
    for place in range(5):
        log_probability, cache = net.step(before, torch.full((10,), place), cache)
        torch.testing.assert_close(log_probability, whole[:, place], rtol=1e-5, atol=1e-5)
        before = index[:, place]


def test_rows_may_stand_at_different_places(net, index):
    whole = net(index)
    cache = net.empty(10)
    for place in range(3):
        before = index[:, place - 1] if place else torch.full((10,), 7)
        _, cache = net.step(before, torch.full((10,), place), cache)
    places = torch.tensor([1, 2] * 5)
    found, _ = net.step(index[torch.arange(10), places - 1], places, cache)
    torch.testing.assert_close(found, whole[torch.arange(10), places], rtol=1e-5, atol=1e-5)


def test_a_simple_order_is_learned():
    torch.manual_seed(0)
    net = CodeTransformer(6, 5, width=16, layers=1, heads=2)
    start = torch.randint(0, 5, (64, 1), generator=torch.Generator().manual_seed(0))
    index = (start + torch.arange(6)) % 5
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    for _ in range(150):
        loss = -net(index).gather(2, index[:, :, None]).sum((1, 2)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() == pytest.approx(torch.log(torch.tensor(5.0)).item(), abs=0.1), "only the start is unknown"
