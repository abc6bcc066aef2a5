"""Walks start, lead and end where they say."""

import numpy as np
import pytest

from hourglass.evaluation.latent import posterior
from hourglass.evaluation.portrait.rows import in_net_units
from hourglass.evaluation.portrait.walks import interpolations, smoothness, traversals

from .conftest import rows_of


@pytest.fixture(scope="module")
def rows(image_vae):
    return rows_of(image_vae)


@pytest.fixture(scope="module")
def said(image_vae, rows):
    return image_vae.model.posterior(rows.raw)


def test_units_of_a_variational_model_come_by_their_kl(image_vae, rows, said):
    found, arrays = traversals(image_vae.model, rows, said)
    kl = posterior(said["z"], said["logvar"])["kl_per_unit"]
    assert found["order"] == "kl"
    assert found["kl"] == sorted(kl, reverse=True)
    assert [kl[unit - 1] for unit in found["units"]] == found["kl"]
    assert arrays["traversal_x"].shape == (4, 7, 1, 8, 8)


def test_a_walk_moves_one_unit_between_quantiles_and_leaves_the_others_at_the_typical_row(image_vae, rows, said):
    found, arrays = traversals(image_vae.model, rows, said)
    z = said["z"]
    typical = z[list(rows.index).index(found["row"])]
    assert np.linalg.norm(typical - z.mean(0)) == np.linalg.norm(z - z.mean(0), axis=1).min()
    unit = found["units"][1] - 1
    for step, quantile in ((0, 0.02), (-1, 0.98)):
        code = typical.copy()
        code[unit] = np.quantile(z[:, unit], quantile)
        served = in_net_units(image_vae.model, image_vae.model.decode(code[None]))
        np.testing.assert_allclose(arrays["traversal_x"][1, step], served[0], atol=1e-5)


def test_units_of_another_model_come_by_what_they_change(table_autoencoder):
    rows = rows_of(table_autoencoder)
    said = table_autoencoder.model.posterior(rows.raw)
    found, arrays = traversals(table_autoencoder.model, rows, said)
    assert found["order"] == "effect"
    assert found["effect"] == sorted(found["effect"], reverse=True)
    changed = np.sqrt(arrays["traversal_x"].astype(float).var(axis=1).mean(axis=1))
    np.testing.assert_allclose(found["effect"], changed)


def test_of_many_units_eight_are_shown(image_sparse):
    rows = rows_of(image_sparse)
    found, arrays = traversals(image_sparse.model, rows, image_sparse.model.posterior(rows.raw))
    assert len(set(found["units"])) == len(arrays["traversal_x"]) == 8


def test_interpolations_lead_from_one_class_to_another(image_vae, rows):
    found, arrays = interpolations(image_vae.model, rows)
    label = dict(zip(rows.index, rows.label, strict=True))
    assert all(start != end for start, end in found["labels"])
    assert [[label[row] for row in pair] for pair in found["rows"]] == found["labels"]
    assert len({row for pair in found["rows"] for row in pair}) == 8
    assert arrays["interpolation_x"].shape == (4, 8, 1, 8, 8)


def test_interpolations_begin_and_end_at_the_reconstructions_of_their_rows(image_vae, rows):
    found, arrays = interpolations(image_vae.model, rows)
    places = [list(rows.index).index(row) for row in found["rows"][0]]
    raw = rows.take(places).raw
    np.testing.assert_array_equal(arrays["interpolation_ends"][0], in_net_units(image_vae.model, raw))
    rebuilt = in_net_units(image_vae.model, image_vae.model.reconstruct(raw))
    np.testing.assert_allclose(arrays["interpolation_x"][0, [0, -1]], rebuilt, atol=1e-5)


def test_rows_without_classes_are_paired_in_their_order(table_autoencoder):
    rows = rows_of(table_autoencoder)
    found, _ = interpolations(table_autoencoder.model, rows)
    assert np.ravel(found["rows"]).tolist() == rows.index[:8].tolist()


def test_smoothness_is_that_of_more_pairs_than_are_shown_with_its_spread(image_vae, rows):
    found, arrays = interpolations(image_vae.model, rows)
    assert found["pairs"] == 16
    assert len(found["rows"]) == len(arrays["interpolation_x"]) == 4
    shown = [smoothness(walk)["evenness"] for walk in arrays["interpolation_x"]]
    assert found["evenness_sd"] > 0
    assert found["evenness"] != pytest.approx(np.mean(shown))


def test_smoothness_of_few_rows_is_the_mean_over_their_pairs(image_vae, rows):
    found, arrays = interpolations(image_vae.model, rows.take(np.arange(8)))
    detours = [smoothness(walk)["detour"] for walk in arrays["interpolation_x"]]
    assert found["pairs"] == len(detours) == 4
    assert (found["detour"], found["detour_sd"]) == pytest.approx((np.mean(detours), np.std(detours, ddof=1)))


def test_one_pair_has_no_spread(image_vae, rows):
    found, _ = interpolations(image_vae.model, rows.take(np.arange(2)))
    assert found["pairs"] == 1
    assert "detour_sd" not in found


def test_even_steps_on_a_straight_line_are_a_cross_fade():
    walk = np.linspace(0, 1, 8)[:, None, None] * np.ones((1, 2, 3))
    assert smoothness(walk) == pytest.approx({"evenness": 1, "detour": 1})


def test_one_leap_and_a_way_there_and_back_are_as_worked_out_by_hand():
    leap = np.array([0.0, 0, 0, 4, 4])[:, None]
    bend = np.array([[0.0, 0], [0, 3], [4, 3], [4, 3], [4, 3]])
    assert smoothness(leap) == pytest.approx({"evenness": 1 / 4, "detour": 1})
    assert smoothness(bend) == pytest.approx({"evenness": (7 / 4) / 4, "detour": 7 / 5})
    assert smoothness(np.ones((5, 3))) == {"evenness": 1, "detour": 1}
