from typing import get_args

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Bernoulli, Categorical, Laplace, Normal
from torch.nn import functional

from hourglass.errors import HourglassError
from hourglass.models.shared.likelihoods import LikelihoodName, likelihood_for

#: Two categories, of two and three values, around numbers.
BLOCKS = ((1, 3), (5, 8))
NUMBERS = [0, 3, 4]
#: A shape and the categories of rows that each likelihood is for.
ROWS = dict.fromkeys(get_args(LikelihoodName), ((2, 3), ())) | {
    "categorical": ((5,), ((0, 2), (2, 5))),
    "mixed": ((8,), BLOCKS),
}
SIGMAS = ["optimal", "per_feature", "learned", "predicted", 0.5]
CASES = [(name, "optimal") for name in ROWS] + [
    (name, sigma) for name in ("gaussian", "laplace", "mixed") for sigma in SIGMAS[1:]
]


def make(name, sigma="optimal"):
    return likelihood_for(name, *ROWS[name], sigma, section="vae")


def one_hot(rows, blocks, generator):
    return torch.cat(
        [
            functional.one_hot(torch.randint(stop - start, (rows,), generator=generator), stop - start)
            for start, stop in blocks
        ],
        1,
    ).float()


def example(name, likelihood, rows=5):
    """Give a decoder's output, and targets that the likelihood can produce."""
    shape, blocks = ROWS[name]
    generator = torch.Generator().manual_seed(0)
    output = torch.randn(rows, likelihood.per_feature, *shape, generator=generator)
    target = torch.rand(rows, *shape, generator=generator)
    for start, stop in blocks:
        target[:, start:stop] = one_hot(rows, [(start, stop)], generator)
    return output, target


@pytest.fixture
def rows():
    """Give a decoder's output, one number per feature, and targets in (0, 1)."""
    return example("mse", make("mse"))


@pytest.mark.parametrize(("name", "sigma"), CASES)
def test_a_likelihood_gives_rows_inside_its_support_and_one_loss_for_each(name, sigma):
    likelihood = make(name, sigma)
    output, target = example(name, likelihood)
    mean = likelihood.mean(100 * output)
    assert mean.shape == target.shape
    assert likelihood.support[0] <= mean.min()
    assert mean.max() <= likelihood.support[1]
    assert likelihood.nll(output, target).shape == (5,)


@pytest.mark.parametrize(("name", "sigma"), [case for case in CASES if case[1] != "predicted"])
def test_the_loss_is_stationary_where_the_mean_is_the_target(name, sigma):
    likelihood = make(name, sigma)
    output, _ = example(name, likelihood)
    gradient = torch.func.grad(lambda given: likelihood.nll(given, likelihood.mean(output)).sum())(output)
    torch.testing.assert_close(gradient, torch.zeros_like(gradient))


@pytest.mark.parametrize(("name", "sigma"), CASES)
def test_the_loss_pulls_at_every_mean_and_every_predicted_width(name, sigma):
    likelihood = make(name, sigma)
    output, target = example(name, likelihood)
    gradient = torch.func.grad(lambda given: likelihood.nll(given, target).sum())(output)
    used = gradient.abs().sum(0) > 0
    assert used[0].all()
    if sigma == "predicted":
        numbers = NUMBERS if name == "mixed" else slice(None)
        assert used[1].flatten()[numbers].all()


@pytest.mark.parametrize(("name", "sigma"), CASES)
def test_in_evaluation_the_loss_of_a_row_ignores_its_neighbours(name, sigma):
    likelihood = make(name, sigma).eval()
    output, target = example(name, likelihood)
    torch.testing.assert_close(likelihood.nll(output[1:3], target[1:3]), likelihood.nll(output, target)[1:3])


@pytest.mark.parametrize(("name", "sigma"), CASES)
def test_loss_and_gradient_are_finite_whatever_the_decoder_says(name, sigma):
    likelihood = make(name, sigma)
    output, target = example(name, likelihood)
    for scale in (1e-30, 1e3, 1e6):
        gradient, loss = torch.func.grad_and_value(lambda given: likelihood.nll(given, target).sum())(scale * output)
        assert loss.isfinite()
        assert gradient.isfinite().all()


def test_squared_error_is_a_gaussian_of_fixed_width_up_to_a_constant(rows):
    output, target = rows
    difference = make("mse").nll(output, target) - make("gaussian", 0.5**0.5).nll(output, target)
    torch.testing.assert_close(difference, difference.mean().expand(5))


@pytest.mark.parametrize("sigma", [0.1, 1.0, 3.0])
@pytest.mark.parametrize(("name", "density"), [("gaussian", Normal), ("laplace", Laplace)])
def test_the_loss_with_a_fixed_width_is_the_negative_log_density(name, density, sigma, rows):
    output, target = rows
    expected = -density(output.squeeze(1), sigma).log_prob(target).flatten(1).sum(1)
    torch.testing.assert_close(make(name, sigma).nll(output, target), expected)


@pytest.mark.parametrize(("name", "density", "power"), [("gaussian", Normal, 2), ("laplace", Laplace, 1)])
def test_the_loss_with_widths_of_features_is_the_negative_log_density(name, density, power, rows):
    output, target = rows
    likelihood = make(name, "per_feature").eval()
    sigma = torch.rand(2, 3, generator=torch.Generator().manual_seed(1)) + 0.1
    likelihood.width.value.copy_(sigma**power)
    expected = -density(output.squeeze(1), sigma).log_prob(target).flatten(1).sum(1)
    torch.testing.assert_close(likelihood.nll(output, target), expected)


@pytest.mark.parametrize(("name", "density"), [("gaussian", Normal), ("laplace", Laplace)])
def test_the_loss_with_predicted_widths_is_the_negative_log_density(name, density):
    likelihood = make(name, "predicted")
    output, target = example(name, likelihood)
    mean, logvar = output.unbind(1)
    expected = -density(mean, (0.5 * 14 * torch.tanh(logvar / 14)).exp()).log_prob(target).flatten(1).sum(1)
    torch.testing.assert_close(likelihood.nll(output, target), expected)
    assert torch.equal(likelihood.mean(output), mean)


def test_the_bernoulli_loss_is_the_negative_log_probability(rows):
    output, target = rows
    bits = target.round()
    expected = -Bernoulli(logits=output.squeeze(1)).log_prob(bits).flatten(1).sum(1)
    torch.testing.assert_close(make("bernoulli").nll(output, bits), expected)


def test_bce_is_the_cross_entropy_of_sigmoid_outputs_also_for_shades_of_grey(rows):
    output, target = rows
    likelihood = make("bce")
    expected = functional.binary_cross_entropy(likelihood.mean(output), target, reduction="none").flatten(1).sum(1)
    torch.testing.assert_close(likelihood.nll(output, target), expected)


def test_the_slopes_of_the_bernoulli_loss_are_those_of_its_numbers():
    draw = torch.Generator().manual_seed(0)
    output, target = (torch.rand(3, *shape, generator=draw, dtype=torch.float64) for shape in ((1, 2, 3), (2, 3)))
    inputs = ((6 * output - 3).requires_grad_(), target.requires_grad_())
    assert torch.autograd.gradcheck(make("bernoulli").nll, inputs)
    assert torch.autograd.gradgradcheck(make("bernoulli").nll, inputs)


@pytest.mark.parametrize("logit", [-200.0, -20.0, 0.0, 20.0, 200.0])
def test_the_bernoulli_loss_and_its_slope_stay_finite_and_right_far_out(logit):
    output, target = torch.full((2, 1, 2, 3), logit, requires_grad=True), torch.rand(2, 2, 3)
    found = make("bernoulli").nll(output, target)
    losses = functional.binary_cross_entropy_with_logits(output.squeeze(1), target, reduction="none")
    torch.testing.assert_close(found, losses.flatten(1).sum(1))
    (slope,), (expected,) = (torch.autograd.grad(one.sum(), [output]) for one in (found, losses))
    torch.testing.assert_close(slope, expected)


def test_the_categorical_loss_sums_the_negative_log_probabilities_of_the_columns():
    likelihood = make("categorical")
    output, target = example("categorical", likelihood)
    two, three = output.squeeze(1).split([2, 3], 1)
    chosen = [part.argmax(1) for part in target.split([2, 3], 1)]
    expected = -Categorical(logits=two).log_prob(chosen[0]) - Categorical(logits=three).log_prob(chosen[1])
    torch.testing.assert_close(likelihood.nll(output, target), expected)


@pytest.mark.parametrize("name", ["categorical", "mixed"])
def test_the_mean_of_a_category_is_its_probabilities(name):
    likelihood = make(name)
    output, _ = example(name, likelihood)
    for start, stop in ROWS[name][1]:
        probabilities = likelihood.mean(output)[:, start:stop]
        torch.testing.assert_close(probabilities, Categorical(logits=output[:, 0, start:stop]).probs)


@pytest.mark.parametrize("sigma", SIGMAS)
def test_the_mixed_loss_is_that_of_its_numbers_and_that_of_its_categories(sigma):
    likelihood = make("mixed", sigma).eval()
    output, target = example("mixed", likelihood)
    places = [place for start, stop in BLOCKS for place in range(start, stop)]
    gaussian = likelihood_for("gaussian", (3,), (), sigma, section="vae").eval()
    parts = gaussian.nll(output[:, :, NUMBERS], target[:, NUMBERS])
    parts = parts + make("categorical").nll(output[:, :1, places], target[:, places])
    torch.testing.assert_close(likelihood.nll(output, target), parts)


def test_the_mixed_mean_leaves_every_number_in_its_place():
    likelihood = make("mixed")
    output, _ = example("mixed", likelihood)
    assert torch.equal(likelihood.mean(output)[:, NUMBERS], output[:, 0, NUMBERS])


@given(st.lists(st.integers(0, 3), min_size=2, max_size=8).filter(lambda widths: any(widths) and not all(widths)))
def test_any_order_of_columns_is_kept(widths):
    """A width of 0 stands for a number."""
    stops = torch.tensor([max(width, 1) for width in widths]).cumsum(0).tolist()
    blocks = [(stop - width, stop) for width, stop in zip(widths, stops, strict=True) if width]
    likelihood = likelihood_for("mixed", (stops[-1],), blocks, 1.0, section="vae")
    target = torch.randn(4, stops[-1], generator=torch.Generator().manual_seed(0))
    for start, stop in blocks:
        target[:, start:stop] = one_hot(4, [(start, stop)], torch.Generator().manual_seed(start))
    confident = torch.where(target == 1, 50.0, target).unsqueeze(1)
    in_blocks = torch.zeros(stops[-1], dtype=torch.bool)
    for start, stop in blocks:
        in_blocks[start:stop] = True
    output = torch.where(in_blocks, confident.clamp(0), target.unsqueeze(1))
    torch.testing.assert_close(likelihood.mean(output), target)


REFUSALS = {
    ("mse", (3,), (), 0.1): "sigma is 0.1, and likelihood 'mse' has no width; set likelihood: gaussian,",
    ("bce", (3,), (), "learned"): "sigma is 'learned', and likelihood 'bce' has no width;",
    ("categorical", (3,), (), "optimal"): "likelihood 'categorical' is for tables of categories alone, and 3 of a "
    "row's 3 numbers belong to none; set likelihood: gaussian.",
    ("categorical", (8,), BLOCKS, "optimal"): "likelihood 'categorical' is for tables of categories alone, and 3 of a "
    "row's 8 numbers belong to none; set likelihood: mixed.",
    ("mixed", (2, 3), (), "optimal"): "likelihood 'mixed' is for tables of numbers and categories, and a row has no "
    "category; set likelihood: gaussian.",
    ("mixed", (2,), ((0, 2),), "optimal"): "likelihood 'mixed' is for tables of numbers and categories, and a row has "
    "no number; set likelihood: categorical.",
}


@pytest.mark.parametrize(("given", "sentence"), REFUSALS.items())
def test_a_likelihood_for_other_rows_is_refused_in_a_sentence(given, sentence):
    with pytest.raises(HourglassError) as refusal:
        likelihood_for(*given, section="sparse")
    assert str(refusal.value).startswith(f"params.yaml: sparse.{sentence}")
