"""Active units against counts by hand."""

import numpy as np

from hourglass.evaluation.portrait.sparsity import sparsity

from .conftest import rows_of


def test_units_of_codes_without_negative_numbers_are_active_above_zero():
    found, arrays = sparsity(np.array([[0, 2.0, 0, 1e-6], [0, 0, 0, 3.0]]), {"sparsity": "l1"})
    assert (found["l0"], found["dead"], found["active_is"]) == (1.5, 2, "above 0")
    assert arrays["sparsity_l0"].tolist() == [2, 1]
    assert arrays["sparsity_rate"].tolist() == [0, 0.5, 0, 1]


def test_units_of_a_rate_are_active_above_one_half():
    found, _ = sparsity(np.array([[0.1, 0.6, 0.5]]), {"sparsity": "kl"})
    assert (found["l0"], found["dead"]) == (1, 2)


def test_codes_of_both_signs_are_held_against_their_size():
    found, _ = sparsity(np.array([[1.0, -1.0, 0.05, -0.06]]), {"sparsity": 0.0})
    assert (found["l0"], found["dead"]) == (2, 2)


def test_top_k_activates_k_units(image_sparse):
    found, arrays = sparsity(image_sparse.model.encode(rows_of(image_sparse).raw), {"sparsity": "top_k"})
    assert found["l0"] == 3
    assert set(arrays["sparsity_l0"]) == {3}
