"""A packaged model of series judges readings, and gives them back with the times that they came with."""

import numpy as np
import pandas as pd
import pytest

from hourglass.runtime import InputError, Model, windows


@pytest.fixture(scope="module")
def model(signal_denoising) -> Model:
    return signal_denoising.model


def test_each_window_is_judged_with_its_series_and_times(model, waves):
    scores = model.score(waves)
    cut = model.schema.cut(waves)
    assert scores.columns.to_list() == ["series", "start", "end", "anomaly_score", "p_value", "is_anomaly", "valid"]
    assert scores["start"].dt.tz == waves["when"].dt.tz
    pd.testing.assert_frame_equal(scores.iloc[:, 3:], model.score(cut.windows))
    assert set(scores["series"]) == {"a", "b"}


@pytest.mark.parametrize("form", ["list", "records"])
def test_readings_may_come_as_lists_of_columns_or_of_rows(model, waves, form):
    some = waves.iloc[:60]
    pd.testing.assert_frame_equal(model.score(some.to_dict(form)), model.score(some))
    pd.testing.assert_frame_equal(model.explain(some.to_dict(form), 1), model.explain(some, 1))


@pytest.mark.parametrize("output", ["score", "reconstruct", "denoise", "attribute", "encode", "points"])
def test_no_output_depends_on_how_many_windows_are_held_at_once(model, waves, monkeypatch, output):
    some, held = waves.iloc[:400], []
    whole, cut = model.predict(some, output), windows.cut

    def spied(values, starts, window):
        held.append(len(starts))
        return cut(values, starts, window)

    monkeypatch.setattr("hourglass.runtime.series.AT_ONCE", 7)
    monkeypatch.setattr(windows, "cut", spied)
    parts = model.predict(some, output)
    assert len(held) > 10
    assert max(held) == 7
    if output == "encode":
        assert parts.tobytes() == whole.tobytes()
    else:
        pd.testing.assert_frame_equal(parts, whole, check_exact=True)


def test_a_breakdown_is_found_by_its_times(model, waves):
    found = model.intervals(waves)
    worst = found.loc[found["anomaly_score"].idxmax()]
    assert worst["series"] == "a"
    assert worst["start"] <= waves["when"][1010] <= worst["end"]
    assert worst["end"] - worst["start"] < pd.Timedelta("5h")


def test_each_reading_has_the_score_of_the_windows_around_it(model, waves):
    points = model.points(waves.sample(frac=1, random_state=0))
    assert points["anomaly_score"].idxmax() in range(1000, 1024)
    assert points["valid"].all()
    assert (points["is_anomaly"] == (points["anomaly_score"] > model.threshold)).all()


def test_a_reading_that_no_window_covers_is_not_called_normal(model, waves):
    short = waves.iloc[[*range(40), *range(60, 70)]]  # ten readings after a gap
    points = model.points(short)
    assert not points["valid"].iloc[40:].any()
    assert points["is_anomaly"].iloc[40:].isna().all()
    assert points["valid"].iloc[:40].all()


def test_a_cleaned_series_is_nearer_to_the_truth_than_the_noisy_one(model, waves):
    truth = waves.iloc[1600:2400].reset_index(drop=True)
    noise = np.random.default_rng(1).normal(0, 1.5, len(truth))
    clean = model.denoise(truth.assign(heat=truth["heat"] + noise))
    assert clean["when"].equals(truth["when"])
    assert ((clean["heat"] - truth["heat"]) ** 2).mean() < 0.5 * (noise**2).mean()


def test_the_score_of_a_breakdown_is_laid_at_its_channel(model, waves):
    shares = model.attribute(waves).iloc[1005:1020]
    assert (shares["heat"] > shares["load"]).all()


def test_windows_are_judged_as_arrays_too(model, waves):
    windows = model.schema.cut(waves).windows[:5]
    assert model.encode(windows).shape == (5, 4)
    assert model.reconstruct(windows).shape == (5, 16, 2)
    assert model.sample(3).shape == (3, 16, 2)


def test_windows_laid_out_as_readings_have_the_same_scores(model, waves):
    windows = model.schema.cut(waves).windows[:50]
    laid_out = model.score(model.schema.laid_out(windows))
    np.testing.assert_array_equal(laid_out["anomaly_score"], model.score(windows)["anomaly_score"])


@pytest.mark.parametrize("output", ["points", "intervals"])
def test_times_are_judged_of_readings_alone(model, table_autoencoder, waves, output):
    for other, rows in ((table_autoencoder.model, waves), (model, np.zeros((1, 16, 2)))):
        with pytest.raises(InputError, match="give a model of series a table of readings"):
            other.predict(rows, output)


@pytest.mark.parametrize("output", ["score", "points", "reconstruct", "denoise", "intervals"])
def test_every_output_can_be_had_by_name(model, waves, output):
    assert isinstance(model.predict(waves, output), pd.DataFrame)


@pytest.mark.parametrize(
    "output", ["score", "encode", "reconstruct", "denoise", "attribute", "explain", "points", "intervals"]
)
def test_no_readings_have_no_windows_and_no_anomalies(model, waves, output):
    found, usual = (model.predict(rows, output) for rows in (waves.head(0), waves))
    assert len(found) == 0
    if isinstance(usual, pd.DataFrame):
        assert list(found) == list(usual)


@pytest.mark.parametrize("rows", [[], np.zeros((0, 16, 2))], ids=["list", "array"])
def test_no_windows_have_no_scores(model, rows):
    assert len(model.score(rows)) == 0
    assert model.reconstruct(rows).shape == (0, 16, 2)


@pytest.mark.parametrize(
    ("column", "sentence"), [("when", "can't be read"), ("machine", "the name of the series is missing")]
)
@pytest.mark.parametrize("odd", [[1], {"a": 1}])
def test_a_list_or_an_object_in_a_cell_is_named(model, waves, column, sentence, odd):
    rows = waves.head(60).astype({column: object})
    rows[column] = [odd if place == 7 else value for place, value in enumerate(rows[column])]
    with pytest.raises(InputError, match=f"column '{column}', row 7: .*{sentence}"):
        model.score(rows)
