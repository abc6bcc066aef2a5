"""Ranking by what was measured on selection."""

import pytest

from hourglass.errors import HourglassError
from hourglass.evaluation.compare import rank, summary


def measured(failures=(), latent=8, pca_components=8, **selection):
    widths = {"latent": latent, "pca_components": pca_components}
    return widths | {"selection": {"model": selection}, "test": {"model": {"auroc": 0.5}}, "failures": list(failures)}


def test_larger_auroc_wins_where_labels_exist():
    board = rank({"a": measured(auroc=0.7, relative_error=0.1), "b": measured(auroc=0.9, relative_error=0.9)}, "auto")
    assert (board.metric, board.ranking, board.winner) == ("auroc", ("b", "a"), "b")


def test_smaller_relative_error_wins_without_labels():
    board = rank({"a": measured(relative_error=0.9), "b": measured(relative_error=0.2)}, "auto")
    assert (board.metric, board.ranking) == ("relative_error", ("b", "a"))


def test_chosen_metric_ranks_though_labels_exist():
    found = {"a": measured(auroc=0.7, relative_error=0.1), "b": measured(auroc=0.9, relative_error=0.9)}
    assert rank(found, "relative_error").ranking == ("a", "b")


def test_code_as_wide_as_a_row_wins_by_auroc_alone():
    wide = {"latent": 64, "pca_components": 32}
    found = {"a": measured(**wide, auroc=0.9, relative_error=0.1), "b": measured(auroc=0.7, relative_error=0.5)}
    assert rank(found, "auroc").ranking == ("a", "b")
    assert rank(found, "relative_error").ranking == ("b", "a")


def test_ties_keep_the_order_of_the_variants():
    assert rank({"b": measured(auroc=0.9), "a": measured(auroc=0.9)}, "auto").ranking == ("b", "a")


def test_variant_that_failed_a_guard_cannot_win():
    board = rank({"a": measured(["scores are not finite"], auroc=0.99), "b": measured(auroc=0.6)}, "auto")
    assert board.ranking == ("b",)
    assert board.content()["refused"] == {"a": ["scores are not finite"]}


def test_nobody_wins_where_all_are_refused():
    assert rank({"a": measured(["x"], auroc=0.9)}, "auto").winner is None


def test_auroc_without_labels_is_refused_with_what_to_set():
    with pytest.raises(HourglassError, match=r"select\.metric is 'auroc'.*data\.label"):
        rank({"a": measured(relative_error=0.3)}, "auroc")


def test_summary_keeps_terms_apart_and_selection_from_test():
    found = {
        "selection": {"model": {"auroc": 0.8, "auroc_low": 0.7}},
        "test": {"model": {"auroc": 0.6}},
        "posterior": {"kl": 3.0, "active_units": 2, "effective_dimension": 1.5},
    }
    courses = [
        {"epoch": 7, "validation": {"reconstruction": 1.0, "kl": 2.0}},
        {"epoch": 9, "validation": {"prior": 3.0}},
    ]
    assert summary(found, courses) == {
        "validation": {"reconstruction": 1.0, "kl": 2.0, "prior": 3.0, "epoch": 7},
        "selection": {"auroc": 0.8, "kl": 3.0, "active_units": 2},
        "test": {"auroc": 0.6},
    }
