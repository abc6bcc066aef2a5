"""Numbers and names in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hourglass.report import words


@given(text=st.text(max_size=200), letters=st.integers(3, 80))
def test_a_shortened_text_is_no_longer_than_asked_and_keeps_both_ends(text: str, letters: int) -> None:
    found = words.shortened(text, letters)
    assert len(found) <= letters
    assert found == text or "\N{HORIZONTAL ELLIPSIS}" in found
    if len(text) > letters:
        start, _, end = found.partition("\N{HORIZONTAL ELLIPSIS}")
        assert text.startswith(start)
        assert text.endswith(end.split("\N{HORIZONTAL ELLIPSIS}")[-1])


def test_names_that_begin_alike_can_be_told_apart() -> None:
    names = [f"temperature at the inlet of compressor number {number}" for number in (1, 2)]
    assert words.shortened(names[0], 26) == "temperature a\N{HORIZONTAL ELLIPSIS}sor number 1"
    assert len({words.shortened(name, 26) for name in names}) == 2


def test_a_list_of_names_ends_where_its_room_does() -> None:
    assert words.listed(["a", "b"]) == "a, b"
    assert words.listed([]) == ""
    long = words.listed([f"{'x' * 80} {number}" for number in range(1000)])
    assert long.endswith(" and 997 more")
    assert len(long) < 260


@pytest.mark.parametrize(
    ("value", "level", "gain"),
    [(-0.04, "0.0", "+0.0"), (-3.44, "\N{MINUS SIGN}3.4", "\N{MINUS SIGN}3.4"), (7.96, "8.0", "+8.0")],
)
def test_levels_have_one_decimal_and_no_negative_zero(value: float, level: str, gain: str) -> None:
    assert (words.decibels(value), words.gain(value)) == (level, gain)


@pytest.mark.parametrize(
    ("value", "text"),
    [(-528_812.3, "\N{MINUS SIGN}528,800"), (12_345, "12,340"), (9999.6, "10,000"), (3e12, "3e+12"), (0.25, "0.25")],
)
def test_amounts_of_the_data_are_written_without_a_power_of_ten(value: float, text: str) -> None:
    assert words.plain(value) == text


def test_ranges_of_times_are_written_alike_and_named_where_there_are_several() -> None:
    start, end = (
        ["2024-03-01T00:00:00+00:00", "2024-03-21T17:10:00+00:00"],
        ["2024-03-01T02:40:00", "2024-03-21T19:50:00"],
    )
    assert words.times({"end": end, "start": start}) == [
        "start 2024-03-01 00:00 to 2024-03-21 17:10",
        "end 2024-03-01 02:40 to 2024-03-21 19:50",
    ]
    assert words.times({"paid": start}) == ["2024-03-01 00:00 to 2024-03-21 17:10"]
    assert words.times({"end": [16.0, 3168.0], "start": [0.0, 3152.0]}) == ["start 0 to 3152", "end 16 to 3168"]
    assert words.times({}) == []


def test_what_is_nearly_nothing_has_no_minus() -> None:
    assert [words.hundredths(value) for value in (-0.001, 0.004, -0.126)] == ["0.00", "0.00", "\N{MINUS SIGN}0.13"]
    assert (words.signed(-0.0004), words.share(-0.0004)) == ("+0.000", "0.000")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "1970-01-01 00:00"),
        (-3e9, "1874-12-07 18:40"),
        (253_402_300_800, "2.534e+11 s"),
        (-1e13, "\N{MINUS SIGN}1e+13 s"),
        (1e30, "1e+30 s"),
    ],
)
def test_a_time_that_no_calendar_has_is_written_as_its_seconds(seconds: float, text: str) -> None:
    assert words.value(seconds, {"type": "time"}) == text
