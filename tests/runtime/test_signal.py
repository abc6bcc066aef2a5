"""Series as people have them, windows as nets see them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hourglass.runtime.errors import InputError
from hourglass.runtime.schema import schema_from_config
from hourglass.runtime.signal import SignalSchema

MINUTE = 60 * 10**9


def schema(**settings):
    return SignalSchema(
        **{"time": "when", "columns": ("heat", "load"), "window": 8, "stride": 3, "period": MINUTE} | settings
    )


def table(rows=40, start="2024-03-31 00:30", tz=None, **columns):
    draw = np.random.default_rng(0)
    when = pd.date_range(start, periods=rows, freq="min", tz=tz)
    return pd.DataFrame({"when": when, "heat": draw.normal(20, 1, rows), "load": draw.normal(size=rows)} | columns)


def test_channels_come_first_in_the_net_and_last_with_people():
    frame = table()
    x, valid = schema().encode(frame)
    assert schema().shape == (2, 8)
    assert x.shape == (len(valid), 2, 8)
    assert (x[0] == frame[["heat", "load"]].to_numpy()[:8].T).all()
    assert (schema().decode(x) == schema().cut(frame).windows).all()


def test_windows_are_taken_as_well_as_readings_and_flat_ones_too():
    windows = schema().cut(table()).windows
    for rows in (windows, windows.reshape(len(windows), -1), windows.astype(np.float32).tolist()):
        x, valid = schema().encode(rows)
        np.testing.assert_allclose(x, np.moveaxis(windows, 1, 2), rtol=1e-6)
        assert valid.all()


def test_encoding_leaves_the_windows_that_it_was_given():
    windows = np.full((2, 8, 1), np.nan)
    x, valid = schema(columns=("heat",)).encode(windows)
    assert not valid.any()
    assert not x.any()
    assert np.isnan(windows).all()


@given(st.integers(8, 60), st.integers(1, 8), st.sampled_from([None, "UTC", "Europe/Berlin"]), st.booleans())
def test_a_series_comes_back_from_its_windows_with_its_own_times_and_columns(rows, stride, tz, backwards):
    frame = table(rows, tz=tz, note="kept")
    frame = frame.iloc[::-1] if backwards else frame
    found = schema(stride=stride).cut(frame)
    back = found.restored([(0, found.windows)])
    pd.testing.assert_frame_equal(back, frame)
    assert back["when"].dtype == frame["when"].dtype


def test_windows_say_when_they_start_and_end_in_the_zone_that_was_given():
    where = schema().cut(table(tz="Europe/Berlin")).where
    assert where["start"].iloc[0] == pd.Timestamp("2024-03-31 00:30", tz="Europe/Berlin")
    assert where["end"].iloc[0] == pd.Timestamp("2024-03-31 00:37", tz="Europe/Berlin")
    assert str(where["start"].dt.tz) == "Europe/Berlin"


@given(st.sets(st.integers(0, 79), min_size=30, max_size=80))
def test_no_window_crosses_a_gap(minutes):
    frame = table(80).iloc[sorted(minutes)]
    try:
        where = schema(max_gap=2).cut(frame).where
    except InputError:
        return
    gaps = frame["when"].diff() > pd.Timedelta("3min")
    for later in frame["when"][gaps]:
        assert not ((where["start"] < later) & (where["end"] >= later)).any()


def test_each_series_has_its_own_windows():
    both = pd.concat([table(12, machine="b"), table(20, machine="a")]).sample(frac=1, random_state=0)
    found = schema(series="machine").cut(both)
    assert found.where["series"].value_counts().to_dict() == {"a": 5, "b": 3}
    pd.testing.assert_frame_equal(found.restored([(0, found.windows)]), both)
    assert "series" not in schema(series="machine").cut(table(12)).where


def test_rows_that_no_window_covers_come_back_empty():
    frame = table(20)
    frame = frame.drop(index=range(4, 9))
    found = schema(max_gap=1).cut(frame)
    back = found.restored([(0, found.windows)])
    assert back["heat"].isna().tolist() == [True] * 4 + [False] * 11
    assert np.isnan(found.scores(np.ones(len(found.windows)))).tolist() == back["heat"].isna().tolist()
    assert found.told.gaps == 1
    assert found.told.short == 4


def test_a_missing_value_comes_back_filled():
    frame = table(heat=np.arange(40.0))
    frame.loc[[10, 20], "heat"] = np.nan
    found = schema().cut(frame)
    np.testing.assert_allclose(found.restored([(0, found.windows)])["heat"], np.arange(40.0), rtol=1e-12)


def test_values_between_the_points_of_the_grid_are_interpolated():
    frame = pd.DataFrame({"when": np.arange(20) * 60.0, "heat": np.arange(20.0), "load": 0.0})
    frame.loc[1:, "when"] += 15  # a quarter of a minute late, but the first
    found = schema().cut(frame)
    ramp = np.repeat(np.arange(len(found.ns), dtype=float)[:, None], 2, axis=1)
    windows = np.stack([ramp[start : start + 8] for start in found.starts])
    np.testing.assert_allclose(found.restored([(0, windows)])["heat"][1:-1], frame["when"][1:-1] / 60)


def test_anomalies_are_told_by_the_times_between_which_the_score_is_high():
    frame = table(30)
    found = schema(stride=1).cut(frame)
    hit = (found.starts <= 15) & (found.starts + 8 > 15)  # a fault at minute 15 raises all windows that see it
    scores = np.where(hit, 2.0, 0.0)
    (interval,) = found.intervals(scores, 1.0).to_dict("records")
    assert interval["start"] <= frame["when"][15] <= interval["end"]
    assert interval["end"] - interval["start"] < pd.Timedelta("8min")
    assert interval["anomaly_score"] == 2.0
    assert found.scores(scores).argmax() == 15
    assert found.intervals(scores, 3.0).empty


def test_intervals_name_their_series():
    frame = pd.concat([table(12, machine="b"), table(20, machine="a")])
    found = schema(series="machine").cut(frame)
    scores = (found.where["series"] == "a").to_numpy(float)
    assert found.intervals(scores, 0.5)["series"].tolist() == ["a"]


def test_the_schema_is_json_and_back():
    one = schema(series="machine", duplicates="refuse", format="%d.%m.%Y", unit="ms")
    assert schema_from_config(one.config()) == one


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (table().drop(columns="load"), "column 'load' is missing; expected when, heat, load"),
        (table().drop(columns="when"), "column 'when' is missing"),
        (table(7), "the longest stretch without a gap has 7 points; expected at least 8"),
        (table(heat=np.nan), "has 0 points"),
        (table(heat=["warm"] * 40), "column 'heat', row 0: 'warm' is no number (40 such of 40)"),
        (table(when=["soon"] * 40), "column 'when', row 0: 'soon' can't be read"),
        (pd.concat([table(), table()[["heat"]]], axis=1), "column 'heat' appears twice"),
    ],
)
def test_what_is_no_series_is_refused_in_a_sentence(frame, words):
    with pytest.raises(InputError) as refused:
        schema().encode(frame)
    assert words in str(refused.value)


def test_readings_of_one_time_are_refused_with_their_row_where_that_is_asked_for():
    frame = pd.concat([table(), table().iloc[[3]]])
    assert schema().cut(frame).told.duplicated == 1
    with pytest.raises(InputError, match=r"column 'when', row 40: .* is the time of an earlier row"):
        schema(duplicates="refuse").cut(frame)


def test_a_reading_of_no_series_is_refused():
    with pytest.raises(InputError, match="column 'machine', row 2: the name of the series is missing"):
        schema(series="machine").cut(table(machine=["a", "a", None] + ["a"] * 37))


def test_windows_of_another_shape_are_refused():
    with pytest.raises(InputError, match=r"windows have shape \(3, 5\); expected \(windows, 8, 2\)"):
        schema().encode(np.zeros((3, 5)))
    with pytest.raises(InputError, match="expected numbers"):
        schema().encode(np.full((3, 8, 2), 1j))


def test_windows_may_be_texts_of_numbers_and_other_texts_cant_be_judged():
    windows = np.arange(32.0).reshape(2, 8, 2)
    texts = windows.astype(str)
    np.testing.assert_array_equal(schema().encode(texts)[0], schema().encode(windows)[0])
    texts[1, 0, 0] = "a"
    assert schema().encode(texts)[1].tolist() == [True, False]


def test_windows_of_different_lengths_are_refused_in_a_sentence():
    with pytest.raises(InputError, match=r"^rows have different shapes.*expected one shape for all\.$"):
        schema().encode([[1.0], [2.0, 3.0]])
