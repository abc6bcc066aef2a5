import pytest
import torch

from hourglass.models.shared.terms import Term, gradients, total


def test_the_total_weighs_sums_and_then_averages_over_the_batch():
    terms = {"one": Term(torch.tensor([1.0, 3.0])), "other": Term(torch.tensor([10.0, 20.0]), weight=0.1)}
    assert total(terms).item() == pytest.approx(((1 + 1) + (3 + 2)) / 2)


def test_a_term_of_weight_zero_moves_nothing():
    value = torch.tensor([1.0, 2.0], requires_grad=True)
    total({"shown": Term(value, weight=0.0)}).backward()
    assert value.grad.tolist() == [0.0, 0.0]


def test_gradients_are_those_of_the_total_also_of_weights_in_tensors_and_none_where_it_does_not_depend():
    weights, other = torch.nn.Parameter(torch.tensor([1.0, 2.0])), torch.nn.Parameter(torch.zeros(()))
    x = torch.tensor([[1.0, 3.0], [2.0, -1.0], [0.5, 0.0]])
    terms = {
        "first": Term((x * weights).square().sum(1), 0.5),
        "second": Term((x @ weights).exp(), torch.tensor(0.25)),
        "measured": Term(x.sum(1), 0.0),
    }
    (expected,) = torch.autograd.grad(total(terms), [weights], retain_graph=True)
    found = gradients(terms, [weights, other])
    torch.testing.assert_close(found[0], expected)
    assert found[1] is None
