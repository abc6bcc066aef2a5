"""Times: read exactly, and written as they were."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hourglass.runtime.errors import InputError
from hourglass.runtime.times import Clock, about, duration, words

CLOCK = Clock("when")
moments = st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=20)


@given(moments)
def test_dates_are_exact_to_the_nanosecond_and_come_back_as_they_were(ns):
    dates = pd.Series(np.array(ns).astype("datetime64[ns]"))
    read = CLOCK.read(dates)
    assert read.ns.tolist() == ns
    pd.testing.assert_series_equal(read.write(read.ns), dates)


@given(moments)
def test_text_is_exact_to_the_nanosecond(ns):
    text = pd.Series([str(np.datetime64(one, "ns")) for one in ns])
    assert CLOCK.read(text).ns.tolist() == ns


@given(st.lists(st.integers(-(2**32), 2**32), min_size=1), st.sampled_from(["s", "ms", "us", "ns"]))
def test_whole_numbers_count_units_exactly(numbers, unit):
    read = Clock("when", unit=unit).read(pd.Series(numbers))
    assert read.ns.tolist() == [number * {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}[unit] for number in numbers]
    assert read.write(read.ns).tolist() == numbers


def test_fractions_of_a_second_are_read_to_the_nearest_nanosecond():
    assert CLOCK.read(pd.Series([0.1, 2.5, -0.25])).ns.tolist() == [100_000_000, 2_500_000_000, -250_000_000]


def test_the_hour_that_comes_twice_in_autumn_is_told_apart_by_its_zone():
    text = pd.Series(["2024-10-27T02:30:00+02:00", "2024-10-27T02:30:00+01:00"])
    assert np.diff(CLOCK.read(text).ns).tolist() == [3600 * 10**9]


def test_dates_with_a_zone_come_back_in_it():
    berlin = pd.Series(pd.date_range("2024-03-31 01:00", periods=3, freq="h", tz="Europe/Berlin"))
    read = CLOCK.read(berlin)
    assert read.write(read.ns).dt.tz == berlin.dt.tz
    assert (read.write(read.ns) == berlin).all()


def test_datetime_objects_and_numbers_in_a_column_of_objects_are_read():
    assert CLOCK.read(pd.Series([datetime(1970, 1, 2)], dtype=object)).ns.tolist() == [86_400 * 10**9]
    assert CLOCK.read(pd.Series([1, 2], dtype=object)).ns.tolist() == [10**9, 2 * 10**9]


@pytest.mark.parametrize("zone", [UTC, ZoneInfo("Europe/Berlin")])
def test_datetime_objects_with_a_zone_are_instants(zone):
    moment = datetime(2024, 1, 1, 12, tzinfo=zone)
    assert CLOCK.read(pd.Series([moment], dtype=object)).ns.tolist() == [int(moment.timestamp()) * 10**9]


def test_another_form_is_read_where_it_is_named():
    assert Clock("when", format="%d.%m.%Y").read(pd.Series(["03.01.1970"])).ns.tolist() == [2 * 86_400 * 10**9]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["2024-01-01", "yesterday"], "column 'when', row 1: 'yesterday' can't be read"),
        (["2024-01-01", None], "row 1"),
        (["03/04/2024"], "row 0: '03/04/2024' can't be read (1 such of 1); expected a time such as 2024-05-31"),
        ([1.0, float("nan")], "row 1: nan"),
        ([1e300], "row 0"),
        (pd.array([1, None], "Int64"), "row 1: <NA>"),
        (["2024-01-01T00:00Z", "2024-01-01T01:00"], "row 1: '2024-01-01T01:00' names no time zone"),
        (["2024-01-01", "3024-01-01"], "1678 to 2261"),
    ],
)
def test_what_is_no_time_is_refused_with_its_row(values, words):
    with pytest.raises(InputError) as refused:
        CLOCK.read(pd.Series(values))
    assert words in str(refused.value)


@given(st.integers(1, 2**60))
def test_a_duration_in_words_is_read_as_itself(ns):
    assert duration(words(ns), "period") == ns


@pytest.mark.parametrize("text", ["0s", "-1min", "often", "", "1e400 s"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(InputError, match="expected a duration above zero"):
        duration(text, "data.signal.period")


def test_a_duration_is_told_in_its_longest_whole_unit():
    assert [words(ns) for ns in (300 * 10**9, 90 * 60 * 10**9, 2 * 86_400 * 10**9, 10**6, 7)] == [
        "5min",
        "90min",
        "2d",
        "1ms",
        "7ns",
    ]


@pytest.mark.parametrize(
    ("ns", "within", "text"),
    [
        (59_731_567_567, 10**9, "59.7s"),
        (60_000_123_456, 10**7, "1min"),
        (142_857_143, 10**4, "142.86ms"),
        (142_857_143, 0, "142857143ns"),
        (100 * 60 * 10**9, 0, "100min"),
        (1_234 * 86_400 * 10**9, 10**15, "1234d"),
        (7, 0, "7ns"),
    ],
)
def test_a_duration_is_told_about_as_exactly_as_is_asked(ns, within, text):
    assert about(ns, within) == text


@given(st.integers(1, 2**60), st.integers(0, 2**60))
def test_a_duration_that_was_rounded_is_near_itself(ns, within):
    assert abs(duration(about(ns, within), "period") - ns) <= within
