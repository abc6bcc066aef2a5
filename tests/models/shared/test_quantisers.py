import numpy as np
import pytest
import torch
from scipy.cluster.vq import vq
from sklearn.cluster import KMeans

from hourglass.models.shared.quantisers import QUANTISERS, Codebook, Finite, Residual


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def clusters(rows, seed=0, centres=8, spread=0.05):
    """Draw vectors around far centres, as pieces of shape (rows, 1, 2)."""
    middle = 10 * torch.randn(centres, 2, generator=generator(99))
    which = torch.randint(0, centres, (rows,), generator=generator(seed))
    return (middle[which] + spread * torch.randn(rows, 2, generator=generator(seed + 1)))[:, None]


def learned(quantiser, steps=20, **data):
    for step in range(steps):
        quantiser.train()(clusters(256, seed=2 * step, **data), generator(step))
    return quantiser.eval()


BUILD = {"codebook": lambda: Codebook(2, 16), "residual": lambda: Residual(2, 16), "finite": lambda: Finite(2, 7)}


@pytest.fixture(params=QUANTISERS)
def quantiser(request):
    torch.manual_seed(0)
    return learned(BUILD[request.param]())


def test_entries_stand_for_the_vectors_that_training_saw_instead(quantiser):
    z = clusters(64, seed=7) / 10
    found = quantiser(z, generator())
    index = quantiser.nearest(z)
    assert index.shape == (64, 1, quantiser.depth)
    assert 0 <= index.min() <= index.max() < quantiser.entries
    torch.testing.assert_close(quantiser.look_up(index), found.z)


def test_a_vector_that_is_an_entry_stays_itself():
    torch.manual_seed(0)
    codebook = learned(Codebook(2, 16))
    vectors = codebook.look_up(codebook.nearest(clusters(64, seed=7)))
    torch.testing.assert_close(codebook.look_up(codebook.nearest(vectors)), vectors)


def test_gradients_pass_straight_through(quantiser):
    z = (clusters(8, seed=3) / 20).requires_grad_()
    weight = torch.randn(z.shape, generator=generator())
    (quantiser(z, generator()).z * weight).sum().backward()
    if isinstance(quantiser, Finite):  # of what is rounded, which is squashed before
        squashed = z.detach().requires_grad_()
        (quantiser._bound(squashed) / 3 * weight).sum().backward()
        weight = squashed.grad
    torch.testing.assert_close(z.grad, weight)


def test_evaluation_learns_nothing(quantiser):
    before = {name: value.clone() for name, value in quantiser.state_dict().items()}
    quantiser(clusters(64, seed=5), generator())
    assert all(torch.equal(value, before[name]) for name, value in quantiser.state_dict().items())


def test_the_margin_is_none_at_a_tie_and_large_at_an_entry():
    codebook = Codebook(1, 2)
    codebook.codebook = torch.tensor([[0.0], [2.0]])
    tie, clear = codebook.margin(torch.tensor([[[1.0]], [[0.1]]]))
    assert tie == 0
    assert clear > 0.1


def test_the_margin_of_a_row_is_that_of_its_closest_call(quantiser):
    z = clusters(12, seed=4).view(4, 3, 2) / 10
    each = torch.stack([quantiser.margin(z[:, piece : piece + 1]) for piece in range(3)], 1)
    torch.testing.assert_close(quantiser.margin(z), each.amin(1))


def test_entries_are_the_nearest_of_all():
    torch.manual_seed(0)
    codebook, z = Codebook(2, 16), clusters(50, seed=1)
    found, _ = vq(z[:, 0].numpy(), codebook.codebook.numpy())
    np.testing.assert_array_equal(codebook.nearest(z).flatten(), found)


def test_the_commitment_is_the_squared_distance_and_pulls_only_the_vector():
    torch.manual_seed(0)
    codebook, z = Codebook(2, 16).eval(), clusters(50, seed=1).requires_grad_()
    found = codebook(z, generator())
    torch.testing.assert_close(found.commitment, (z - found.z).square().sum((1, 2)))
    (gradient,) = torch.autograd.grad(found.commitment.sum(), z)
    torch.testing.assert_close(gradient, 2 * (z - found.z).detach())
    assert not list(codebook.parameters())


def test_the_first_batch_lays_the_entries_by_kmeans():
    torch.manual_seed(0)
    codebook, z = Codebook(2, 8).train(), clusters(512, spread=1.0)
    codebook(z, generator())
    error = codebook._distances(z.flatten(0, 1)).amin(1) + z.square().sum((1, 2))
    reference = KMeans(8, n_init=1, random_state=0).fit(z.flatten(0, 1).numpy()).inertia_
    assert error.sum() < 3 * reference


def test_the_step_after_the_start_keeps_what_kmeans_laid():
    torch.manual_seed(0)
    codebook, z = Codebook(2, 16).train(), clusters(512)
    codebook._start(z.flatten(0, 1), generator())
    laid = codebook.codebook.clone()
    codebook(z, generator(1))
    alive = codebook.counts > 1
    assert alive.sum() >= 8
    torch.testing.assert_close(codebook.codebook[alive], laid[alive], rtol=0, atol=0.05)


def test_a_started_codebook_that_was_saved_is_not_started_again():
    torch.manual_seed(0)
    codebook = learned(Codebook(2, 16))
    loaded = Codebook(2, 16)
    loaded.load_state_dict(codebook.state_dict())
    for one in (codebook.train(), loaded.train()):
        one(clusters(256, seed=77), generator(3))
    assert torch.equal(codebook.codebook, loaded.codebook)


def test_entries_follow_the_running_mean_of_their_vectors():
    codebook = Codebook(1, 2).train()
    codebook.codebook, codebook.counts = torch.tensor([[0.0], [10.0]]), torch.tensor([4.0, 4.0])
    codebook.sums, codebook._started = codebook.codebook * 4, True
    codebook(torch.tensor([1.0, 2.0, 11.0])[:, None, None], generator())
    counts = 0.99 * 4 + 0.01 * torch.tensor([2.0, 1.0])
    sums = 0.99 * torch.tensor([0.0, 40.0]) + 0.01 * torch.tensor([3.0, 11.0])
    torch.testing.assert_close(codebook.codebook.flatten(), sums / counts)


def test_dead_entries_come_back_on_vectors_and_stay_there():
    codebook = Codebook(2, 32).train()
    far = torch.full((32, 2), 1e3) + torch.arange(32)[:, None]
    codebook.codebook, codebook.counts, codebook.sums = far, torch.ones(32), far.clone()
    codebook._started = True
    z = clusters(256)
    for step in range(600):
        codebook(z, generator(step))
    assert (codebook.codebook.norm(dim=1) < 100).all(), "none is left where no vector is"
    assert len(codebook.nearest(z).unique()) > 16
    assert codebook._distances(z.flatten(0, 1)).amin(1).add(z.square().sum((1, 2))).mean() < 0.1


def test_what_a_second_codebook_adds_is_what_the_first_left_over():
    torch.manual_seed(0)
    residual, z = learned(Residual(2, 16), spread=1.0), clusters(256, seed=901, spread=1.0)
    first = (z - residual.first.look_up(residual.nearest(z)[..., :1])).square().mean()
    both = (z - residual.look_up(residual.nearest(z))).square().mean()
    assert both < 0.5 * first


@pytest.mark.parametrize("levels", [3, 4, 5, 8])
def test_finite_numbers_take_exactly_as_many_values_as_there_are_levels(levels):
    quantiser = Finite(1, levels)
    z = torch.linspace(-20, 20, 4001)[:, None, None]
    index = quantiser.nearest(z)
    assert index.flatten().unique().tolist() == list(range(levels))
    values = quantiser(z, generator()).z.detach().flatten().unique()
    assert len(values) == levels
    assert values.abs().max() == 1


def test_every_combination_of_finite_numbers_has_an_index_of_its_own():
    quantiser = Finite(3, 4)
    index = torch.arange(64)[:, None, None]
    vectors = quantiser.look_up(index)
    assert len(vectors.unique(dim=0)) == 64
    rebuilt = ((vectors * 2).round().long() + 2) @ quantiser.basis
    assert torch.equal(rebuilt.flatten(), torch.arange(64))
