"""The use of a codebook against counts by hand."""

from types import SimpleNamespace

import numpy as np
import pytest

from hourglass.evaluation.portrait.codebook import codebook


def model(entries, **settings):
    return SimpleNamespace(config={"entries": entries, "settings": settings})


def test_entries_used_equally_often_have_their_number_as_perplexity():
    found, arrays = codebook(model(8), np.array([[0, 1], [2, 3], [0, 1], [2, 3]]))
    (book,) = found["books"]
    assert (book["used_entries"], book["unused_entries"]) == (4, 4)
    assert book["perplexity"] == pytest.approx(4)
    assert arrays["codebook_usage"].tolist() == [[0.25] * 4 + [0] * 4]


def test_the_perplexity_is_two_to_the_entropy():
    found, _ = codebook(model(3), np.array([[0], [0], [1], [2]]))
    assert found["books"][0]["perplexity"] == pytest.approx(2**1.5)


def test_the_two_codebooks_of_a_residual_quantiser_are_counted_apart():
    found, arrays = codebook(model(4, quantiser="residual"), np.array([[0, 3, 0, 2], [0, 1, 0, 0]]))
    assert [book["used_entries"] for book in found["books"]] == [1, 4]
    assert arrays["codebook_usage"].tolist() == [[1, 0, 0, 0], [0.25] * 4]
    assert found["places"] == 4


def test_a_package_tells_the_entries_of_its_rows(image_vq_vae):
    index = image_vq_vae.model.posterior(image_vq_vae.dataset.raw("test"))["index"]
    found, arrays = codebook(image_vq_vae.model, index)
    assert found["entries"] == 16
    assert arrays["codebook_usage"].sum() == pytest.approx(1)
