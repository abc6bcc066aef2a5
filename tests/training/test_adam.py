import torch
from hypothesis import given
from hypothesis import strategies as st

from hourglass.training.adam import AdamW


def parameters():
    draw = torch.Generator().manual_seed(0)
    return [torch.nn.Parameter(torch.randn(size, generator=draw)) for size in ((3, 5), (7,), ())]


@given(st.floats(0, 0.5), st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=1, max_size=6))
def test_it_moves_parameters_as_torch_does_also_where_some_have_no_gradient(weight_decay, steps):
    mine, theirs = parameters(), parameters()
    draw, lr = torch.Generator().manual_seed(1), 0.05
    own = AdamW(mine, weight_decay)
    other = torch.optim.AdamW(theirs, lr, weight_decay=weight_decay, foreach=False)
    for there in steps:
        gradients = [
            torch.randn(one.shape, generator=draw) if it else None for one, it in zip(mine, there, strict=True)
        ]
        for one, gradient in zip(theirs, gradients, strict=True):
            one.grad = gradient
        own.step(gradients, torch.tensor(lr))
        other.step()
    for one, another in zip(mine, theirs, strict=True):
        torch.testing.assert_close(one, another)


def test_how_a_gradient_lies_in_memory_does_not_matter():
    mine, theirs = parameters()[:1], parameters()[:1]
    across, repeated = torch.arange(15.0).view(5, 3).t(), torch.ones(3, 1).expand(3, 5)
    own, other = AdamW(mine, 0.0), AdamW(theirs, 0.0)
    for gradient in (across, repeated):
        own.step([gradient], torch.tensor(0.1))
        other.step([gradient.contiguous()], torch.tensor(0.1))
    assert torch.equal(mine[0], theirs[0])


def test_its_state_is_the_tensors_that_it_goes_on_with():
    lr, gradients = torch.tensor(0.1), [torch.ones_like(one) for one in parameters()]
    mine, theirs = AdamW(parameters(), 0.0), AdamW(parameters(), 0.0)
    mine.step(gradients, lr)
    theirs.step(gradients, lr)
    mine.step(gradients, lr)
    for name, value in mine.state().items():
        theirs.state()[name].copy_(value)
    for one, another in zip(mine.parameters, theirs.parameters, strict=True):
        another.data.copy_(one)
    for one in (mine, theirs):
        one.step(gradients, lr)
    assert all(torch.equal(one, other) for one, other in zip(mine.parameters, theirs.parameters, strict=True))
