from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal, Normal

from hourglass import models
from hourglass.estimator.net import Net
from hourglass.scores import iwae
from hourglass.scores.iwae import IWAE
from hourglass.scores.shared import seen as shared_seen
from hourglass.scores.shared.posterior import Posterior
from hourglass.scores.shared.seen import Seen

#: A linear decoder around which p(x | z) has the deviations: p(x) is a Gaussian, too.
WEIGHTS = torch.tensor([[1.0, 0.4], [-0.3, 0.8], [0.5, 0.5]], dtype=torch.float64)
DEVIATIONS = torch.tensor([0.5, 0.3, 0.4], dtype=torch.float64)


def linear(rows: int, *, shift: float = 0.0, stretch: float = 0.0, seed: int = 0) -> Seen:
    """Rows of the linear model, with its exact posterior's diagonal, moved and stretched."""
    draw = torch.Generator().manual_seed(seed)
    codes, noise = (torch.randn(rows, of, generator=draw, dtype=torch.float64) for of in (2, 3))
    return seen_by(codes @ WEIGHTS.T + DEVIATIONS * noise, shift, stretch)


def seen_by(x: Tensor, shift: float = 0.0, stretch: float = 0.0) -> Seen:
    precision = torch.eye(2, dtype=torch.float64) + WEIGHTS.T @ (WEIGHTS / DEVIATIONS.square()[:, None])
    mu = (x / DEVIATIONS.square()) @ WEIGHTS @ precision.inverse() + shift
    logvar = -precision.diagonal().log() + stretch
    posterior = Posterior(mu, logvar.expand_as(mu), lambda z: z @ WEIGHTS.T)
    return Seen(x, mu, mu @ WEIGHTS.T - x, posterior)


def of_exact_width(learnt: Seen) -> IWAE:
    """A score whose p(x | z) is the linear model's."""
    score = IWAE().fit(learnt)
    score.variance = DEVIATIONS.square()
    return score


def exact(x: Tensor) -> Tensor:
    """-log p(x), less the constant of p(x | z) that scores leave out."""
    of_rows = MultivariateNormal(x.new_zeros(3), WEIGHTS @ WEIGHTS.T + DEVIATIONS.square().diag())
    return Normal(0.0, DEVIATIONS).log_prob(torch.zeros(3)).sum() - of_rows.log_prob(x)


def by_draws(score: IWAE, rows: Seen) -> tuple[Tensor, Tensor]:
    """Weigh each draw of each row, and tell what each number costs: shapes (draws, rows) and (draws, rows, 3)."""
    assert rows.posterior is not None
    mu, deviation = rows.posterior.mu, (rows.posterior.logvar / 2).exp()
    z = mu + deviation * score.noise[:, None]
    costs = Normal(0.0, DEVIATIONS).log_prob(torch.zeros(3)) - Normal(z @ WEIGHTS.T, DEVIATIONS).log_prob(rows.x)
    ratio = Normal(0.0, 1.0).log_prob(z) - Normal(mu, deviation).log_prob(z)
    return (ratio.sum(2) - costs.sum(2)).exp(), costs


def test_the_score_is_the_bound_of_its_draws_but_for_the_constant_of_the_gaussian() -> None:
    score, fresh = of_exact_width(linear(50)), linear(20, shift=0.3, stretch=0.5, seed=1)
    weights, _ = by_draws(score, fresh)
    assert weights.shape == (16, 20)
    torch.testing.assert_close(score(fresh), -weights.mean(0).log(), rtol=1e-9, atol=0)


def test_numbers_share_the_score_as_they_share_what_the_draws_cost_by_their_importance() -> None:
    score, fresh = of_exact_width(linear(50)), linear(20, shift=0.3, stretch=0.5, seed=1)
    weights, costs = by_draws(score, fresh)
    paid = (weights[:, :, None] * costs).sum(0)
    expected = score(fresh)[:, None] * paid / paid.sum(1, keepdim=True)
    torch.testing.assert_close(score.parts(fresh), expected, rtol=1e-9, atol=0)


def test_with_many_draws_the_score_tends_to_minus_log_p(monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = linear(40, shift=0.2, stretch=0.4, seed=1)
    few = of_exact_width(linear(50))(fresh) - exact(fresh.x)
    monkeypatch.setattr(iwae, "_DRAWS", 20_000)
    many = of_exact_width(linear(50))(fresh) - exact(fresh.x)
    assert many.abs().max() < 0.02
    assert few.abs().mean() > 5 * many.abs().mean()


def test_in_expectation_over_draws_the_score_lies_between_minus_log_p_and_minus_the_elbo() -> None:
    score, fresh = of_exact_width(linear(50)), linear(100, shift=0.3, stretch=0.5, seed=1)
    assert fresh.posterior is not None
    variance = fresh.posterior.logvar.exp() @ WEIGHTS.square().T
    costs = (fresh.residual.square() + variance) / (2 * DEVIATIONS.square())
    elbo = costs.sum(1) + fresh.posterior.kl()
    draw, found = torch.Generator().manual_seed(1), torch.zeros(100, dtype=torch.float64)
    for _ in range(200):
        score.noise = torch.randn(16, 2, generator=draw, dtype=torch.float64)
        found += score(fresh) / 200
    assert exact(fresh.x).mean() < found.mean() < elbo.mean() - 0.3


def test_a_row_has_one_score_whatever_is_judged_beside_it() -> None:
    score, fresh = IWAE().fit(linear(50)), linear(9, seed=1)
    alone = torch.cat([score(fresh.take(torch.tensor([place]))) for place in range(9)])
    torch.testing.assert_close(score(fresh), alone, rtol=1e-12, atol=0)


def test_the_width_is_the_one_under_which_draws_of_training_are_most_probable() -> None:
    learnt = linear(30)
    score = IWAE().fit(learnt)

    def likelihood(widths: Tensor) -> Tensor:
        assert learnt.posterior is not None
        draws = [learnt.posterior.mu + noise * (learnt.posterior.logvar / 2).exp() for noise in score.noise]
        return torch.stack([Normal(z @ WEIGHTS.T, widths).log_prob(learnt.x).sum() for z in draws]).sum()

    best = score.variance.sqrt()
    assert all(likelihood(best) > likelihood(factor * best) for factor in (0.99, 1.01))


def test_a_row_that_few_draws_find_more_likely_than_anything_has_0() -> None:
    score = of_exact_width(linear(50))
    said = Posterior(torch.zeros(1, 2), torch.full((1, 2), 4.0), lambda z: torch.zeros(len(z), 3))
    score.noise = torch.zeros(1, 2)
    row = Seen(torch.zeros(1, 3), torch.zeros(1, 2), torch.zeros(1, 3), said)
    assert score(row).tolist() == [0.0]


def test_a_row_far_off_has_a_finite_score() -> None:
    score = of_exact_width(linear(50))
    far = seen_by(torch.full((1, 3), 1e5, dtype=torch.float64))
    torch.testing.assert_close(score(far), exact(far.x), rtol=1e-3, atol=0)


def test_a_fit_in_blocks_is_the_fit_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    learnt, fresh = linear(50), linear(9, seed=1)
    whole = IWAE().fit(learnt, robust=True)(fresh)
    monkeypatch.setattr(iwae, "_NUMBERS", 16 * 3 * 7)
    torch.testing.assert_close(IWAE().fit(learnt, robust=True)(fresh), whole)


def decoded_at_once(monkeypatch: pytest.MonkeyPatch, work: Callable[[Net], None]) -> int:
    sizes, net = [], Net(models.build("vae", (3,), {"latent": 2, "hidden": []}, seed=0), np.zeros((5, 3), np.float32))
    decode = net.model.decode

    def counted(z: Tensor) -> Tensor:
        sizes.append(len(z))
        return decode(z)

    monkeypatch.setattr(net.model, "decode", counted)
    work(net)
    return max(sizes)


def test_draws_of_many_rows_are_decoded_some_rows_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def judge(net: Net) -> None:
        rows = np.random.default_rng(0).standard_normal((5_000, 3), np.float32)
        net.learn_to_score(IWAE(), rows[:100], robust=False)
        assert net.score(rows).shape == (5_000,)

    assert decoded_at_once(monkeypatch, judge) <= 4096


def test_draws_of_a_conditional_variant_are_told_what_their_row_is(monkeypatch: pytest.MonkeyPatch) -> None:
    model = models.build("cvae", (3,), {"latent": 2, "hidden": [4]}, seed=0, known=2).eval()
    x, told = torch.randn(7, 3), torch.eye(2)[torch.arange(7) % 2]
    monkeypatch.setattr(shared_seen, "_AT_ONCE", 3)
    seen = Seen.in_blocks(model, x, told).take(torch.arange(1, 7))
    z = torch.randn(6, 5, 2)
    with torch.no_grad():
        each = torch.stack([model.decode(z[:, draw], told[1:]) for draw in range(5)], 1)
        torch.testing.assert_close(seen.posterior_for("iwae").decoded(z), each)
