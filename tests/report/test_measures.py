"""What is measured of codes, in the words of the page."""

import pytest

from hourglass.report import measures

_OF_CLASSES = {"linear": 0.9, "nearest": 0.8, "majority": 0.1, "nmi": 0.7, "ari": 0.6}
_OF_NEIGHBOURS = {"trustworthiness": 0.9, "continuity": 0.9}
_SEEDS, _SETS = {"nmi_sd": 0.01, "ari_sd": 0.02}, {"trustworthiness_sd": 0.01, "continuity_sd": 0.02}
_FITTED = {"fitted": 50, "scored": 40}


@pytest.mark.parametrize(
    ("of_code", "facts", "spread"),
    [
        (_OF_NEIGHBOURS, {"sets": 1}, ""),
        (_OF_NEIGHBOURS | _SETS, {"sets": 3}, "over the sets."),
        (_OF_NEIGHBOURS | _OF_CLASSES | _SEEDS, {"sets": 1} | _FITTED, "over three seeds of k-means."),
        (_OF_NEIGHBOURS | _OF_CLASSES | _SEEDS | _SETS, {"sets": 3} | _FITTED, "three seeds of k-means or the sets."),
        (_OF_NEIGHBOURS | _OF_CLASSES, _FITTED, ""),  # as evaluations were before there were sets
    ],
)
def test_a_spread_is_told_where_there_is_one(of_code: dict, facts: dict, spread: str) -> None:
    panel = measures._representation(facts | {"compared": 1000, "model": of_code, "pca": of_code})
    assert ("\N{PLUS-MINUS SIGN}" in panel.rivals.caption) == bool(spread)
    assert panel.rivals.caption.endswith(spread or "1,000 rows of test.")
    assert ("3 sets of 1,000 rows" in panel.rivals.caption) == ("the sets" in spread)
    assert any("\N{PLUS-MINUS SIGN}" in cell for cell in panel.rivals.rows[0][2]) == bool(spread)
