import pytest
import torch

from hourglass.models.shared.terms import Term, total


def test_the_total_weighs_sums_and_then_averages_over_the_batch():
    terms = {"one": Term(torch.tensor([1.0, 3.0])), "other": Term(torch.tensor([10.0, 20.0]), weight=0.1)}
    assert total(terms).item() == pytest.approx(((1 + 1) + (3 + 2)) / 2)


def test_a_term_of_weight_zero_moves_nothing():
    value = torch.tensor([1.0, 2.0], requires_grad=True)
    total({"shown": Term(value, weight=0.0)}).backward()
    assert value.grad.tolist() == [0.0, 0.0]
