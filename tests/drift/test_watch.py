"""Profiles of scored rows: the same bytes however the rows were cut, and counts that can be checked by hand."""

from functools import reduce
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hourglass.drift import watch
from hourglass.drift.profile import Profile
from hourglass.drift.reference import REFERENCE, Reference
from hourglass.drift.watch import Watch, require, stretches
from hourglass.errors import HourglassError
from hourglass.files import canonical_json
from hourglass.runtime.signal import Cut

OTHERS = ["image_vae", "image_cvae", "image_vq_vae", "signal_denoising"]


def profile(model: Any, rows: Any, first_row: int = 0) -> Profile:
    return require(model).profile(rows, model.score(rows, first_row=first_row), first_row=first_row)


def text(one: Profile) -> str:
    return canonical_json(one.config())


@pytest.fixture(params=["table_autoencoder", *(pytest.param(name, marks=pytest.mark.long) for name in OTHERS)])
def packaged(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


def test_profiles_of_parts_merge_to_that_of_the_whole_to_the_last_byte(packaged: Any) -> None:
    rows = packaged.dataset.raw("train")[:300]
    parts = [profile(packaged.model, rows[start:stop], start) for start, stop in pairwise([0, 1, 90, 91, len(rows)])]
    whole = text(profile(packaged.model, rows))
    assert text(reduce(Profile.merge, parts)) == text(reduce(Profile.merge, parts[::-1])) == whole


def test_the_calibration_rows_give_the_counts_of_the_reference(table_autoencoder: Any) -> None:
    model = table_autoencoder.model
    held = require(model)
    found = profile(model, table_autoencoder.dataset.raw("calibration"))
    for counts, sketch in zip(found.columns + found.units, held.reference.columns + held.reference.units, strict=True):
        np.testing.assert_array_equal(counts.bins, sketch.counts.bins)
    np.testing.assert_array_equal(found.scores.bins, held.scores.counts.bins)
    np.testing.assert_array_equal(found.sums.products, held.reference.sums.products)
    assert found.alarms == (model.calibration > model.threshold).sum()


def test_a_score_beyond_all_numbers_is_a_score(table_autoencoder: Any) -> None:
    rows = table_autoencoder.dataset.raw("test").iloc[:5].copy()
    rows.iloc[0, rows.columns.get_loc("mean radius")] = 1e30
    assert np.isposinf(table_autoencoder.model.anomaly_score(rows)[0])
    found = profile(table_autoencoder.model, rows)
    assert (found.scores.known, found.scores.unknown) == (5, 0)
    assert found.scores.bins[-1] >= 1
    assert found.alarms >= 1


@pytest.mark.long
def test_readings_have_the_profile_of_their_windows(signal_denoising: Any, waves: Any) -> None:
    model = signal_denoising.model
    rows = waves[waves["machine"] == "b"].iloc[:200]
    assert text(profile(model, rows)) == text(profile(model, model.readings.cut(rows).windows))


def test_windows_of_readings_are_cut_a_stretch_at_a_time(
    signal_denoising: Any, waves: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They overlap, so that all of them together take many times the memory of the readings."""
    model, rows = signal_denoising.model, waves[waves["machine"] == "b"].iloc[:200]
    judged, cut, asked = model.score(rows), Cut.part, []
    monkeypatch.setattr(watch, "_STRETCH", 16)
    monkeypatch.setattr(Cut, "part", lambda self, first, stop: asked.append(stop - first) or cut(self, first, stop))
    require(model).profile(rows, judged)
    assert len(judged) > 32
    assert max(asked) == 16


def test_what_a_row_lacks_is_counted_and_the_rest_of_it_is_not(table_autoencoder: Any) -> None:
    rows = table_autoencoder.dataset.raw("calibration").iloc[:20].reset_index(drop=True).astype({"size": object})
    rows.loc[[3, 4], "mean radius"] = np.nan, np.inf
    rows.loc[5, "size"] = "huge"
    found = profile(table_autoencoder.model, rows)
    columns = dict(zip(rows, found.columns, strict=True))
    assert (columns["mean radius"].missing, columns["mean radius"].unknown) == (1, 1)
    assert (columns["size"].missing, columns["size"].unknown) == (0, 1)
    assert {counts.known for counts in found.columns} == {17}
    assert (found.rows, found.seen, found.scores.missing, found.sums.rows) == (20, 20, 3, 17)


def test_a_batch_without_rows_has_a_profile_that_changes_none(table_autoencoder: Any) -> None:
    rows = table_autoencoder.dataset.raw("calibration")
    empty = profile(table_autoencoder.model, rows.iloc[:0])
    some = profile(table_autoencoder.model, rows.iloc[:9])
    assert empty.rows == 0
    assert text(some.merge(empty)) == text(some)


def test_a_profile_is_read_as_it_was_written(table_autoencoder: Any, tmp_path: Path) -> None:
    one = profile(table_autoencoder.model, table_autoencoder.dataset.raw("calibration").iloc[:30])
    one.write(tmp_path / "profile.json")
    assert text(Profile.read(tmp_path / "profile.json")) == text(one)
    (tmp_path / "profile.json").write_text('{"format_version": 7}')
    with pytest.raises(HourglassError, match=r"profile\.json is no profile of format 1; score the rows again"):
        Profile.read(tmp_path / "profile.json")


def test_profiles_of_two_models_dont_merge(table_autoencoder: Any, image_vae: Any) -> None:
    one, two = (profile(made.model, made.dataset.raw("calibration")[:5]) for made in (table_autoencoder, image_vae))
    with pytest.raises(HourglassError, match="different models"):
        one.merge(two)


def test_a_package_without_a_reference_is_scored_and_not_watched(table_autoencoder: Any, tmp_path: Path) -> None:
    model = table_autoencoder.model
    model.folder = tmp_path
    assert Reference.of(model) is None
    assert Watch.of(model) is None
    with pytest.raises(HourglassError, match=f"{REFERENCE}.*package the model again"):
        require(model)


@settings(max_examples=30)
@given(cuts=st.lists(st.integers(0, 60_000), max_size=8))
def test_rows_are_looked_at_by_their_number_alone(cuts: list[int]) -> None:
    looked_at: list[int] = []
    for start, stop in pairwise(sorted({0, *cuts, 60_000})):
        for stretch in stretches(start, stop - start):
            looked_at += range(start + stretch.start, start + stretch.stop)
    assert looked_at == [row for row in range(60_000) if row < 16_384 or row // 1024 % 8 == 0]
