"""Maps of codes follow from their seed, and are judged by the same rows."""

import numpy as np
import pytest

from hourglass.evaluation.maps import judgement, maps, pca, tsne, umap


@pytest.fixture
def clusters() -> np.ndarray:
    draw = np.random.default_rng(0)
    return (draw.normal(size=(120, 6)) + 20 * np.repeat(np.eye(6)[:3], 40, axis=0)).astype(np.float32)


CLASSES = np.repeat(np.arange(3), 40)


def test_a_faithful_map_is_believed_and_a_random_one_is_not() -> None:
    plane = np.random.default_rng(0).normal(size=(300, 2))
    label = (plane[:, 0] > 0).astype(np.int64)
    faithful = judgement(plane, 7 * plane, label)
    assert (faithful["trustworthiness"], faithful["continuity"]) == (1, 1)
    assert faithful["neighbours"] > 0.9
    random = judgement(plane, np.random.default_rng(1).permutation(plane), label)
    assert [random[name] for name in ("trustworthiness", "continuity", "neighbours")] == pytest.approx(
        [0.5] * 3, abs=0.1
    )


def test_a_row_is_no_neighbour_of_itself_and_unlabelled_rows_have_no_vote() -> None:
    line = np.array([[0.0, 0], [1, 0], [2, 0], [3, 0], [4, 0], [1.5, 0]])
    found = judgement(line, line, np.array([0, 0, 0, 0, 1, -1]))
    assert found["neighbours"] == 4 / 5, "the lonely row is outvoted by its four neighbours"
    assert "neighbours" not in judgement(line, line, np.zeros(6, np.int64)), "one class is no question"


def test_pca_is_a_turn_of_codes_that_lie_in_a_plane() -> None:
    plane = np.random.default_rng(0).normal(size=(50, 2)) * [3, 1]
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(5, 5)))[0][:2]
    layout = pca(plane @ turn, seed=0)
    centred = plane - plane.mean(0)
    assert layout @ layout.T == pytest.approx(centred @ centred.T, abs=1e-4)


def test_tsne_follows_from_its_seed_and_keeps_clusters_apart(clusters: np.ndarray) -> None:
    first, again = (tsne(clusters, seed=0) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert judgement(clusters, first, CLASSES)["neighbours"] == 1


@pytest.mark.parametrize("rows", [4, 60])
def test_tsne_maps_few_rows_and_those_that_are_all_the_same(rows: int) -> None:
    assert np.isfinite(tsne(np.random.default_rng(0).normal(size=(rows, 3)), seed=0)).all()
    assert not tsne(np.ones((rows, 3)), seed=0).any()


@pytest.mark.slow
def test_umap_follows_from_its_seed_and_keeps_neighbours(clusters: np.ndarray) -> None:
    first, again = (umap(clusters, seed=0) for _ in range(2))
    assert first.shape == (120, 2)
    np.testing.assert_array_equal(first, again)
    assert judgement(clusters, first, CLASSES)["trustworthiness"] > 0.85


@pytest.mark.slow
def test_all_maps_are_judged_by_the_same_rows() -> None:
    z = np.random.default_rng(0).normal(size=(510, 4)).astype(np.float32)
    found = maps(z, np.full(510, -1), seed=0)
    assert {kind: len(one.layout) for kind, one in found.items()} == {"umap": 510, "pca": 500, "tsne": 500}
    assert {one.numbers["rows"] for one in found.values()} == {500}
    assert (
        judgement(z[found["pca"].rows], found["umap"].layout[found["pca"].rows], np.full(500, -1))
        == found["umap"].numbers
    )


@pytest.mark.parametrize("width", [1, 2])
def test_codes_of_one_or_two_units_are_their_own_map(width: int) -> None:
    z = np.random.default_rng(0).normal(size=(20, width)).astype(np.float32)
    found = maps(z, np.full(20, -1), seed=0)
    assert set(found) == {"code"}
    assert found["code"].layout.shape == (20, 2)
    assert np.array_equal(found["code"].layout[:, :width], z)
    assert found["code"].numbers["trustworthiness"] == 1
