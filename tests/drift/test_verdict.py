"""A batch held against a reference: clean ones raise alarms at the stated rate, and shifts are found and named."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from scipy import stats

from hourglass.drift.bins import Counts
from hourglass.drift.profile import Profile
from hourglass.drift.reference import Reference, Sketch
from hourglass.drift.verdict import Finding, findings, judge
from hourglass.drift.watch import require
from hourglass.drift.watched import Watched
from hourglass.drift.waves import Waves
from hourglass.errors import HourglassError

BATCHES, ALPHA = 200, 0.05
COLUMNS = (
    Watched("size"),
    Watched("age"),
    Watched("kind", ("a", "b", "c", "d", "e"), "category"),
)


class World:
    """Rows of three columns with a score and a code, which depend on each other."""

    def __init__(self, seed: int) -> None:
        self.draw = np.random.default_rng(seed)

    def rows(self, count: int) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
        hidden = self.draw.standard_normal((count, 3))
        columns = {
            "size": np.exp(hidden[:, 0]),
            "age": np.where(self.draw.random(count) < 0.05, np.nan, hidden[:, 1] + hidden[:, 2]),
            "kind": self.draw.choice(5, count, p=[0.5, 0.3, 0.15, 0.04, 0.01]).astype(float),
        }
        return (
            columns,
            hidden[:, 0] ** 2 + self.draw.exponential(size=count),
            hidden + 0.5 * self.draw.normal(size=(count, 1)),
        )


class Held:
    """A reference of some rows, and what holds others against it."""

    def __init__(self, columns: dict[str, np.ndarray], scores: np.ndarray, codes: np.ndarray) -> None:
        waves = Waves.through(codes)
        self.scores = Sketch.of(Watched("anomaly_score"), scores)
        self.threshold = np.sort(scores)[int(np.ceil((len(scores) + 1) * 0.95)) - 1]
        self.above = int((scores > self.threshold).sum())
        sketches = tuple(Sketch.of(one, columns[one.name]) for one in COLUMNS)
        units = tuple(Sketch.of(Watched(f"unit {number + 1}"), codes[:, number]) for number in range(codes.shape[1]))
        self.reference = Reference(sketches, units, waves, waves(codes), (0, len(scores)))

    def profile(self, columns: dict[str, np.ndarray], scores: np.ndarray, codes: np.ndarray) -> Profile:
        known = ~np.isnan(scores)
        return Profile(
            "",
            Counts.of(scores, self.scores.edges),
            int((scores[known] > self.threshold).sum()),
            len(scores),
            tuple(Counts.of(columns[one.watched.name], one.edges) for one in self.reference.columns),
            tuple(Counts.of(codes[known, place], one.edges) for place, one in enumerate(self.reference.units)),
            self.reference.waves(codes[known]),
        )

    def judged(self, profile: Profile, apart: float = 1.0) -> tuple[Finding, ...]:
        return findings(self.reference, self.scores, self.above, profile, apart)

    def findings(
        self, columns: dict[str, np.ndarray], scores: np.ndarray, codes: np.ndarray, apart: float = 1.0
    ) -> tuple[Finding, ...]:
        return self.judged(self.profile(columns, scores, codes), apart)


def drifted(found: tuple[Finding, ...]) -> list[tuple[str, str]]:
    return [(one.name or one.of, one.what) for one in found if one.adjusted <= ALPHA]


def test_clean_batches_are_called_drift_at_the_stated_rate() -> None:
    """Each with a reference of its own, for the promise is about both."""
    world = World(0)
    alarms = sum(bool(drifted(Held(*world.rows(300)).findings(*world.rows(200)))) for _ in range(BATCHES))
    low, high = stats.binom.ppf([0.005, 0.995], BATCHES, ALPHA)
    assert low <= alarms <= high


@pytest.mark.parametrize(("apart", "low", "high"), [(1.0, 0.1, 1.0), (0.25, 0.0, 0.06)])
def test_windows_that_overlap_call_clean_batches_drift_far_too_often_unless_they_count_for_less(
    apart: float, low: float, high: float
) -> None:
    draw, alarms = np.random.default_rng(0), 0
    for _ in range(60):
        rows = []
        for count in (300, 200):
            windows = sliding_window_view(draw.standard_normal(4 * count + 12), 16)[::4]
            first = windows.mean(axis=1)
            columns = {"size": first, "age": windows.std(axis=1), "kind": np.zeros(count)}
            rows.append((columns, (windows**2).mean(axis=1), np.stack([first, windows[:, :8].mean(axis=1)], axis=1)))
        alarms += bool(drifted(Held(*rows[0]).findings(*rows[1], apart=apart)))
    assert low <= alarms / 60 <= high


@pytest.fixture(scope="module")
def held() -> Held:
    return Held(*World(1).rows(600))


@pytest.fixture
def batch() -> Any:
    return World(2).rows(400)


def test_a_shifted_mean_is_found_in_its_column(held: Held, batch: Any) -> None:
    columns, scores, codes = batch
    columns["age"] = columns["age"] + 0.6
    found = held.findings(columns, scores, codes)
    assert drifted(found) == [("age", "values")]
    assert found[0].now - found[0].before == pytest.approx(0.6, abs=0.2)


def test_a_new_category_is_found(held: Held, batch: Any) -> None:
    columns, scores, codes = batch
    columns["kind"][::20] = np.inf
    found = held.findings(columns, scores, codes)
    assert drifted(found) == [("kind", "unknown")]
    assert (found[0].before, found[0].now) == (0, 0.05)


def test_other_shares_of_categories_are_found_and_the_one_that_changed_most_is_named(held: Held, batch: Any) -> None:
    columns, scores, codes = batch
    columns["kind"][:120] = 2
    found = held.findings(columns, scores, codes)
    assert drifted(found) == [("kind", "values")]
    assert found[0].about == "c"


def test_scaled_scores_are_found_by_their_values_and_by_the_alarms(held: Held, batch: Any) -> None:
    columns, scores, codes = batch
    found = held.findings(columns, 2 * scores, codes)
    assert set(drifted(found)) == {("anomaly_score", "values"), ("score", "alarms")}


def test_values_that_go_missing_more_often_are_found(held: Held, batch: Any) -> None:
    columns, scores, codes = batch
    columns["age"][:60] = np.nan
    assert drifted(held.findings(columns, scores, codes)) == [("age", "missing")]


@pytest.mark.parametrize(("dropped", "found"), [(60, []), (3, [("size", "missing")])])
def test_what_only_dropped_rows_lacked_is_held_against_their_share(
    batch: Any, dropped: int, found: list[tuple[str, str]]
) -> None:
    columns, scores, codes = batch
    columns["size"][:30] = np.nan
    held = Held(*World(1).rows(600))
    held.reference = replace(held.reference, dropped=(dropped, 600))
    assert drifted(held.findings(columns, scores, codes)) == found


def test_rows_that_cant_be_judged_are_found(held: Held, batch: Any) -> None:
    columns, scores, codes = batch
    scores[:20] = np.nan
    assert drifted(held.findings(columns, scores, codes)) == [("rows", "invalid")]


def test_codes_that_move_are_found_in_their_unit_and_by_all_units(held: Held, batch: Any) -> None:
    columns, scores, codes = batch
    codes[:, 1] *= 1.8
    assert set(drifted(held.findings(columns, scores, codes))) == {("unit 2", "values"), ("code", "all units")}


def test_what_never_happens_is_no_test(held: Held, batch: Any) -> None:
    tests = {(one.name, one.what) for one in held.findings(*batch)}
    assert ("age", "missing") in tests
    assert not tests & {("size", "missing"), ("size", "unknown"), ("", "invalid")}


def test_a_batch_without_a_judged_row_is_tested_for_what_it_lacks(held: Held, batch: Any) -> None:
    columns, scores, codes = batch
    columns = {name: np.full(len(scores), np.nan) if name == "size" else values for name, values in columns.items()}
    found = held.findings(columns, scores * np.nan, codes)
    assert ("rows", "invalid") in drifted(found)
    assert ("size", "missing") in drifted(found)
    assert not [one for one in found if one.of in ("score", "code")]


def test_codes_of_rows_that_arent_looked_at_are_no_test(held: Held, batch: Any) -> None:
    """Of a large batch the rows that are may all lack something."""
    columns, scores, codes = batch
    profile = held.profile(columns, scores, codes)
    none = replace(profile, units=tuple(Counts.of(np.zeros(0), one.edges) for one in held.reference.units))
    found = held.judged(replace(none, sums=held.reference.waves(codes[:0])))
    assert {one.of for one in found} == {"column", "score"}


def test_a_batch_without_rows_is_refused(held: Held, batch: Any) -> None:
    columns, scores, codes = batch
    with pytest.raises(HourglassError, match="the batch holds no rows"):
        held.findings({name: values[:0] for name, values in columns.items()}, scores[:0], codes[:0])


def test_a_model_finds_drift_in_rows_that_it_scored(table_autoencoder: Any) -> None:
    model, dataset = table_autoencoder.model, table_autoencoder.dataset
    watch = require(model)
    clean, shifted = dataset.raw("test"), dataset.raw("test")
    shifted["mean radius"] += 10
    verdicts = [judge(watch, watch.profile(rows, model.score(rows)), 0.01) for rows in (clean, shifted)]
    assert not verdicts[0].drifted
    assert ("column", "mean radius") in {(one.of, one.name) for one in verdicts[1].drifted}
    assert [one.facts()["drift"] for one in verdicts] == [False, True]
    assert [one.nominal for one in verdicts] == [False, False]


def test_a_profile_of_another_models_rows_is_refused(table_autoencoder: Any, image_vae: Any) -> None:
    rows = image_vae.dataset.raw("test")
    profile = require(image_vae.model).profile(rows, image_vae.model.score(rows))
    with pytest.raises(HourglassError, match="scored by another model"):
        judge(require(table_autoencoder.model), profile, 0.01)
