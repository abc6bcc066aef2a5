"""What a column is follows from what it holds, whatever the blocks it comes in; what can't be used is named."""

import json
from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hourglass.data.column_contents import Found
from hourglass.data.column_types import Decision, column, decide
from hourglass.data.columns import DISTINCT, Profile
from hourglass.data.settings import ColumnSettings
from hourglass.errors import HourglassError
from hourglass.runtime.table import Column


def found(values: object, *cuts: int, name: str = "c") -> Found:
    """Profile a column that comes in the blocks that `cuts` make."""
    series = values if isinstance(values, pd.Series) else pd.Series(values)
    profile = Profile(name)
    for start, stop in zip((0, *cuts), (*cuts, len(series)), strict=True):
        profile.update(series.iloc[start:stop])
    return profile.found()


def decided(values: object, **settings: object) -> Decision:
    return decide(found(values), ColumnSettings(**settings))


def refusal(values: object, **settings: object) -> str:
    with pytest.raises(HourglassError) as refused:
        decided(values, **settings)
    return str(refused.value)


@pytest.mark.parametrize(
    ("values", "kind", "why"),
    [
        ([1, 2, 3], "number", "all values are numbers"),
        ([1.5, None], "number", "all values are numbers"),
        (["1", " 2.5", "1e3", "-inf"], "number", "all values are numbers"),
        ([1, "2", 3.5, Decimal("4")], "number", "all values are numbers"),
        ([True, False, None], "boolean", "all values are true or false"),
        (["true", "False", "TRUE"], "boolean", "all values are true or false"),
        (["true", "0", "1", "False"], "boolean", "all values are true, false, 0 and 1"),
        ([True, 5], "number", "all values are numbers"),
        (["red", "blue", "red", "blue"], "category", "texts, 2 different"),
        (pd.Series(["a", "b", "a", "b"], dtype="category"), "category", "texts, 2 different"),
        (["S", "10 mm", "20 mm", "S"] * 5, "category", "texts, 3 different"),
        (["10 mm", "20 mm"] * 5, "category", "texts, 2 different"),
        (["3D", "2D", "1", "4"] * 4, "category", "texts, 4 different"),
        (pd.to_datetime(["2024-01-31", None]), "time", "all values are times"),
        ([date(2024, 1, 31), date(2024, 2, 1)], "time", "all values are times"),
        (["2024-01-31", "2024-01-31 13:00", "2024-01-31T13:00:00.5+02:00"], "time", "all values are times"),
    ],
)
def test_the_type_follows_from_the_values(values: object, kind: str, why: str) -> None:
    decision = decided(values)
    assert (decision.type, decision.why) == (kind, why)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ([None, None], "column 'c' is empty; fill it or set data.columns: {c: ignore}."),
        ([*range(20), "n.a."], "column 'c', row 20: 'n.a.' is no number, but the column holds numbers (1 such of 21)"),
        (
            [f"{number} kg" for number in range(100, 130)],
            "'100 kg' is a number with a unit or separators, as are 100 % of the column; write plain numbers such as",
        ),
        (
            ["7", *(f"{number},000.5" for number in range(1, 30))],
            "row 1: '1,000.5' is a number with a unit or separators",
        ),
        ([f"€ {number}.000,25" for number in range(30)], "row 0: '€ 0.000,25' is a number with a unit"),
        (
            ["2024-01-31", "31/01/2024", "Jan 31, 2024", "2024-02-01"],
            "dates in 3 ways (row 0: '2024-01-31', row 1: '31/01/2024', row 2: 'Jan 31, 2024'); write all as 2024",
        ),
        (["31.01.2024", "01.02.2024"], "row 0: '31.01.2024' is a date written as day.month.year"),
        ([*["2024-01-31"] * 19, "soon"], "row 19: 'soon' is no time"),
        (
            [number if number % 2 else f"id {number}" for number in range(60)],
            "column 'c' holds numbers (50 %) and texts (row 0: 'id 0'); expected one of them",
        ),
        (
            [f"id {number}" for number in range(50)],
            "column 'c' has 50 different texts in 50 rows; those are no categories",
        ),
        ([[1], [2]], "column 'c', row 0: holds a list; expected numbers, texts, booleans or times"),
        ([b"x", None], "column 'c', row 0: holds a bytes"),
        (np.array([1j]), "column 'c', row 0: holds a complex"),
    ],
)
def test_what_cannot_be_used_is_named_with_what_to_do(values: object, sentence: str) -> None:
    text = refusal(values)
    assert sentence in text
    assert text.endswith(("ignore}.", "category}."))


@pytest.mark.long
def test_a_million_categories_are_counted_no_further_than_they_are_remembered() -> None:
    profile = Profile("id")
    for start in range(0, 1_000_000, 250_000):
        profile.update(pd.Series(np.arange(start, start + 250_000)).astype(str) + "-x")
    assert profile.texts is None
    with pytest.raises(HourglassError, match="'id' has more than 1,000 different texts in 1,000,000 rows"):
        decide(profile.found())


@pytest.mark.parametrize(
    ("values", "kind", "holds"),
    [
        ([1, 2, "x"], "number", "row 2: 'x' is no number"),
        (["2024-01-31"], "number", "holds times (row 0: '2024-01-31')"),
        (["yes", "no"], "boolean", "holds row 0: 'yes'; expected true, false, 0 and 1"),
        ([0, 1, 0.5], "boolean", "holds numbers other than 0 and 1"),
        ([1, 2], "time", "row 0: '1' is no time"),
        (np.arange(3000), "category", "has more than 1,000 different texts in 3,000 rows"),
    ],
)
def test_a_column_must_be_what_it_is_set_to_be(values: object, kind: str, holds: str) -> None:
    assert holds in refusal(values, type=kind)


@pytest.mark.parametrize(
    ("values", "kind"),
    [([0, 1, "true"], "boolean"), ([10, 20, 10, 20], "category"), ([True, False], "number"), (["2024-01-31"], "time")],
)
def test_a_column_may_be_set_to_be_something_else(values: object, kind: str) -> None:
    decision = decided(values, type=kind)
    assert (decision.type, decision.why) == (kind, "set in params.yaml")


def test_heavy_tails_are_brought_in_by_a_logarithm_and_the_reason_is_told() -> None:
    decision = decided(np.random.default_rng(0).lognormal(3, 2, 10_000))
    assert decision.scale == "log"
    assert decision.scale_why.startswith("a few values lie far from the rest: kurtosis ")


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (np.random.default_rng(0).normal(1e9, 1, 10_000), "no heavy tails"),
        (np.random.default_rng(0).integers(0, 1000, 10_000) == 0, None),
        (
            (np.random.default_rng(0).integers(0, 1000, 10_000) == 0) * 1.0,
            "heavy tails that a logarithm doesn't lighten",
        ),
        (np.full(10, 7), "constant: it is only moved to 0"),
    ],
    ids=["offset", "boolean", "rare", "constant"],
)
def test_other_numbers_are_standardised(values: np.ndarray, why: str | None) -> None:
    decision = decided(values)
    assert (decision.scale, decision.scale_why) == (("standard", why) if why else ("none", "0 and 1 stay as they are"))


def test_a_scale_that_is_set_goes_first() -> None:
    numbers = found([1.0, 2.0])
    assert decide(numbers, ColumnSettings(scale="robust"), normalise="minmax").scale == "robust"
    assert decide(numbers, normalise="minmax").scale == "minmax"
    assert decide(numbers, normalise="minmax").scale_why == "set by data.normalise"


@pytest.mark.parametrize(
    ("values", "settings", "sentence"),
    [
        (
            ["a", "b"] * 5,
            {"scale": "log"},
            "data.columns.c: scale is for numbers and times, and the column is a category",
        ),
        ([1, 2], {"cycles": True}, "data.columns.c: cycles are for times, and the column is a number"),
        ([1, 2], {"encode": "onehot"}, "data.columns.c: encode is for categories, and the column is a number"),
        (["a", "b"] * 5, {"impute": "mean"}, "impute is 'mean'; expected indicator, for the column is a category"),
        ([1, 2], {"impute": "indicator"}, "impute is 'indicator'; expected mean or median, for the column is a number"),
    ],
)
def test_settings_that_do_not_go_with_the_type_are_refused(values: object, settings: dict, sentence: str) -> None:
    assert sentence in refusal(values, **settings)


def test_a_column_is_made_of_a_decision() -> None:
    numbers, texts = found([1.0, None]), found(["a", "b", "a", "b"])
    settings = ColumnSettings(scale="robust", impute="median")
    assert column(decide(numbers, settings), numbers, settings=settings) == Column(
        "c", "number", scale="robust", impute="median"
    )
    assert column(decide(texts), texts, ("a", "b")) == Column("c", "category", ("a", "b"))
    embedded = ColumnSettings(encode="embedding")
    assert column(decide(texts, embedded), texts, ("a", "b"), embedded).embedded


ENTRIES = st.one_of(
    st.none(),
    st.integers(-5, 5),
    st.floats(-1e6, 1e6),
    st.booleans(),
    st.sampled_from(["a", "b", "7", "1,000 kg", "true", "2024-01-31", "31.1.2024"]),
    st.just(pd.Timestamp("2024-01-31")),
)


@settings(max_examples=20)
@given(st.lists(ENTRIES, min_size=1, max_size=30), st.integers(0, 30))
def test_where_a_block_ends_makes_no_difference(entries: list[object], cut: int) -> None:
    series = pd.Series(entries, dtype=object)
    cut = min(cut, len(series))
    first, second = Profile("c"), Profile("c")
    first.update(series[:cut])
    second.update(series[cut:])
    for parts in (found(series, cut), first.merge(second).found()):
        whole = found(series).config()
        config = parts.config()
        for name in ("kurtosis", "log_kurtosis"):
            here, there = config.pop(name), whole.pop(name)
            assert (here is None) == (there is None)
            assert here is None or here == pytest.approx(there, rel=1e-3)
        assert config == whole


def test_what_was_found_survives_json() -> None:
    facts = found([1, "x", None, np.inf, 1e308, -1e308])
    assert Found.from_config(json.loads(json.dumps(facts.config(), allow_nan=False))) == facts


def test_values_are_remembered_up_to_a_bound() -> None:
    assert found(np.arange(DISTINCT).astype(str)).distinct == DISTINCT
    assert found(np.arange(DISTINCT + 1).astype(str), 500).distinct is None
    assert found(np.arange(DISTINCT + 1.0), 500).distinct is None
    assert found([1, 2.0, "2", "x", True] * 3, 4).distinct == 4
