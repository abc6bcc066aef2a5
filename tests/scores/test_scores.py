from dataclasses import replace

import pytest
import torch
from sklearn.covariance import LedoitWolf
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from hourglass import scores
from hourglass.errors import HourglassError
from hourglass.scores.mse import MSE
from hourglass.scores.shared import nearest
from hourglass.scores.shared.posterior import Posterior
from hourglass.scores.shared.prototypes import prototypes
from hourglass.scores.shared.score import divided
from hourglass.scores.shared.seen import Seen
from hourglass.scores.shared.spread import spread
from hourglass.scores.shared.whitening import Whitening

NAMES = scores.names()


def seen_of(rows: int, numbers: int = 6, seed: int = 0, scale: float = 1.0) -> Seen:
    """Rows near a plane, their places on it, and what is off it; the posterior of a place is N(place, 1)."""
    generator = torch.Generator().manual_seed(seed)
    plane = torch.linalg.qr(torch.randn(numbers, 2, generator=torch.Generator().manual_seed(9))).Q
    noise = 0.1 * scale * torch.randn(rows, numbers, generator=generator)
    x = scale * torch.randn(rows, 2, generator=generator) @ plane.T + noise
    z = x @ plane
    return Seen(x, z, z @ plane.T - x, Posterior(z, torch.zeros_like(z), lambda z: z @ plane.T))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("rows", "numbers"), [(2, 6), (300, 6), (40, 600)])
def test_parts_are_no_less_than_zero_and_sum_to_the_score(name: str, rows: int, numbers: int) -> None:
    score, fresh = scores.get(name)().fit(seen_of(rows, numbers)), seen_of(50, numbers, seed=1, scale=2.0)
    parts, total = score.parts(fresh), score(fresh)
    assert parts.shape == fresh.x.shape
    assert torch.isfinite(total).all()
    assert (parts >= 0).all()
    torch.testing.assert_close(parts.sum(1), total)


@pytest.mark.parametrize("name", NAMES)
def test_rows_unlike_those_of_training_score_higher(name: str) -> None:
    score = scores.get(name)().fit(seen_of(300))
    assert score(seen_of(100, seed=1)).mean() < 0.5 * score(seen_of(100, seed=2, scale=3.0)).mean()


@pytest.mark.parametrize("name", NAMES)
def test_the_same_rows_teach_the_same_score(name: str) -> None:
    fresh = seen_of(20, seed=1)
    first, second = (scores.get(name)().fit(seen_of(800))(fresh) for _ in range(2))
    assert torch.equal(first, second)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "mse"])
def test_anomalies_among_the_rows_excuse_their_like_less_where_the_fit_is_robust(name: str) -> None:
    normal, odd = seen_of(190), seen_of(30, seed=3)
    shift = torch.tensor([0.0, 0, 0, 4, 0, 0])
    odd = replace(odd, x=odd.x + shift, z=odd.z + 8, residual=odd.residual - shift)
    some, others = odd.take(torch.arange(10)), odd.take(torch.arange(10, 30))
    mixed = Seen.together([normal, some])

    def contrast(*, robust: bool) -> float:
        score = scores.get(name)().fit(mixed, robust=robust)
        return float(score(others).median() / score(seen_of(100, seed=4)).median())

    assert contrast(robust=True) > 2 * contrast(robust=False)


def test_mse_is_the_mean_squared_residual() -> None:
    seen = seen_of(10)
    torch.testing.assert_close(MSE().fit(seen)(seen), seen.residual.square().mean(1))


@pytest.mark.parametrize("name", ["memory", "neighbours"])
def test_a_memory_is_the_mean_squared_distance_to_the_two_nearest_rows_where_rows_are_few(name: str) -> None:
    learnt, fresh = seen_of(100), seen_of(30, seed=1)

    def squares(of: str, scale: Tensor | float = 1.0) -> Tensor:
        return torch.cdist(getattr(fresh, of) / scale, getattr(learnt, of) / scale).square() / 6

    made = squares("z", spread(learnt.z)) + squares("residual")
    apart = squares("x") + made / 2 if name == "memory" else made
    score = scores.get(name)().fit(learnt)
    torch.testing.assert_close(score(fresh), apart.topk(2, largest=False).values.mean(1), rtol=1e-4, atol=1e-6)


def test_of_many_rows_a_memory_keeps_as_many_prototypes_as_its_numbers_allow() -> None:
    few, wide = (scores.get("memory")().fit(seen_of(2_100, numbers)) for numbers in (3, 700))
    assert few.centres.shape == (2_000, 8)
    assert wide.centres.shape == (2**21 // 1402, 1402)


def test_a_row_far_out_does_not_mute_a_unit_of_the_code() -> None:
    codes = torch.randn(60, 3, generator=torch.Generator().manual_seed(0))
    usual = spread(codes)
    torch.testing.assert_close(usual, codes.std(0, correction=0), rtol=0.1, atol=0)
    codes[7, 1] = 1e6
    torch.testing.assert_close(spread(codes), usual, rtol=0.1, atol=0)


@pytest.mark.parametrize(
    ("unit", "expected"),
    [([5.0] * 50, 1.0), ([0.0] * 49 + [1.0], 0.14), ([0.0, 2.0], 1.0), ([0.0, 0.0, 3.0], 2**0.5)],
)
def test_a_unit_that_hardly_differs_keeps_its_deviation_and_a_constant_one_has_1(
    unit: list[float], expected: float
) -> None:
    torch.testing.assert_close(spread(torch.tensor(unit)[:, None]), torch.tensor([expected]))


def test_the_elbo_is_that_of_the_calibrated_gaussian_at_the_posterior_mean_but_for_a_constant() -> None:
    draw = torch.Generator().manual_seed(0)
    x, x_hat, logvar = (torch.randn(40, 5, generator=draw, dtype=torch.float64) for _ in range(3))
    z = torch.randn(40, 5, generator=draw, dtype=torch.float64)
    width = (x_hat - x).square().mean(0).sqrt()
    likely = Normal(x_hat, width).log_prob(x).sum(1) - Normal(0, width).log_prob(torch.zeros(5)).sum()
    kl = kl_divergence(Normal(z, (logvar / 2).exp()), Normal(0.0, 1.0)).sum(1)
    seen = Seen(x, z, x_hat - x, Posterior(z, logvar, lambda z: z))
    torch.testing.assert_close(scores.get("elbo")().fit(seen)(seen), kl - likely)


def test_the_latent_density_is_the_squared_mahalanobis_distance_of_the_code_alone() -> None:
    learnt, fresh = seen_of(5_000), seen_of(40, seed=1)
    exact = torch.from_numpy(LedoitWolf().fit(learnt.z.double().numpy()).mahalanobis(fresh.z.double().numpy()))
    score = scores.get("latent")().fit(learnt)
    torch.testing.assert_close(score(fresh), exact.float() / 2, rtol=0.01, atol=0)
    assert torch.equal(score(fresh), score(replace(fresh, residual=9 * fresh.residual)))


@pytest.mark.parametrize("name", ["elbo", "iwae"])
def test_a_code_without_a_posterior_has_no_bound(name: str) -> None:
    with pytest.raises(HourglassError, match=rf"{name} is for variants whose encoder gives a posterior, such as vae"):
        scores.get(name)().fit(replace(seen_of(9), posterior=None))


def test_clean_rows_keep_prototypes_that_stand_for_few() -> None:
    clean, robust = (scores.get("memory")().fit(seen_of(800), robust=robust) for robust in (False, True))
    assert len(clean.centres) > 256
    assert len(robust.centres) <= 32


def test_prototypes_of_wide_rows_are_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearest, "_NUMBERS", 40 * (2 + 6 + 6))  # of code, residual and row
    assert len(scores.get("memory")().fit(seen_of(300)).centres) <= 40
    assert len(scores.get("memory")().fit(seen_of(30)).centres) == 30


@pytest.mark.parametrize("name", ["memory", "neighbours"])
def test_a_row_that_is_a_prototype_is_scored_as_if_it_were_none(name: str) -> None:
    rows = seen_of(20)
    rows.x[7] += 9
    rows.residual[7] -= 9
    score = scores.get(name)().fit(rows)
    assert score.of_learnt(rows).argmax() == 7
    assert (score(rows) < 0.6 * score.of_learnt(rows)).all()


@pytest.mark.parametrize("name", ["memory", "neighbours", "blend"])
def test_a_row_whose_second_nearest_prototype_may_be_either_of_two_is_at_a_tie(name: str) -> None:
    """Distances squared are 1/4, 1/4 and 9/4 for each coordinate, and what rounding depends on is 1/4 + 1."""

    def on_a_line(*places: float) -> Seen:
        x = torch.tensor([[place, 0.0] for place in places])
        return Seen(x, torch.zeros_like(x), x)

    score = scores.get(name)().fit(on_a_line(-1, 0, 1))
    torch.testing.assert_close(score.margin(on_a_line(0, 0.5)), torch.tensor([0, 2 / 1.25]))


def test_a_blend_is_the_geometric_mean_of_its_two() -> None:
    learnt, fresh = seen_of(100), seen_of(30, seed=1)
    memory, gaussian, blend = (scores.get(name)().fit(learnt)(fresh) for name in ("memory", "gaussian", "blend"))
    torch.testing.assert_close(blend, (memory * gaussian).sqrt())


def correlated(rows: int, numbers: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    mixing = torch.randn(numbers, numbers, generator=generator, dtype=torch.float64)
    return torch.randn(rows, numbers, generator=generator, dtype=torch.float64) @ mixing


@pytest.mark.parametrize(("rows", "numbers"), [(200, 5), (30, 20), (20, 40)])
def test_whitened_numbers_square_to_the_mahalanobis_distance_of_the_shrunk_covariance(rows: int, numbers: int) -> None:
    given, fresh = correlated(rows, numbers), correlated(rows + 9, numbers)[rows:]
    mean, scale = given.mean(0), given.std(0, correction=0)
    reference = LedoitWolf(assume_centered=True).fit(((given - mean) / scale).numpy())
    found = Whitening.fit(given)(fresh).square().sum(1)
    torch.testing.assert_close(
        found, torch.from_numpy(reference.mahalanobis(((fresh - mean) / scale).numpy())), rtol=1e-6, atol=0
    )


def test_whitening_of_many_rows_loses_no_digits_where_all_directions_are_kept() -> None:
    draw = torch.Generator().manual_seed(0)
    rows = torch.randn(20_000, 10, generator=draw) @ torch.randn(10, 10, generator=draw)
    whitening = Whitening.fit(rows)
    single = whitening(rows[:1000]).square().sum(1)
    double = whitening.double()(rows[:1000].double()).square().sum(1)
    assert (single - double).abs().max() < 2e-6 * double.max()


def test_each_whitened_number_is_most_like_its_own() -> None:
    given = correlated(500, 6)
    both = torch.cat([Whitening.fit(given)(given), given], 1).T
    alike = torch.corrcoef(both)[:6, 6:].abs()
    assert torch.equal(alike.argmax(1), torch.arange(6))


def test_a_number_that_never_differs_whitens_to_something_finite() -> None:
    given = correlated(50, 4)
    given[:, 2] = 3.0
    assert torch.isfinite(Whitening.fit(given)(given + 1)).all()
    assert torch.isfinite(Whitening.fit(torch.ones(9, 3))(torch.zeros(2, 3))).all()


def test_prototypes_are_the_centres_of_clusters() -> None:
    centres = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    noise = 0.1 * torch.randn(300, 2, generator=torch.Generator().manual_seed(0))
    found = prototypes(centres.repeat(100, 1) + noise, 12)
    assert torch.cdist(found, centres).amin(1).max() < 0.5
    assert torch.cdist(centres, found).amin(1).max() < 0.1


def test_few_rows_are_their_own_prototypes_and_small_clusters_can_be_left_out() -> None:
    rows = torch.randn(9, 2, generator=torch.Generator().manual_seed(0))
    assert torch.equal(prototypes(rows, 9), rows)
    far = torch.cat([rows.repeat(20, 1), torch.full((1, 2), 50.0)])
    assert prototypes(far, 8, least=0.05).max() < 10


def test_what_belongs_to_no_number_is_divided_in_proportion() -> None:
    own = torch.tensor([[1.0, 3.0], [0.0, 0.0]])
    torch.testing.assert_close(divided(own, torch.tensor([8.0, 4.0])), torch.tensor([[3.0, 9.0], [2.0, 2.0]]))


def test_an_unknown_score_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="score is 'best'; expected auto, blend, elbo, gaussian, iwae, latent"):
        scores.get("best")
