"""A batch held against the reference of the model that scored it."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from hourglass.drift import comparing
from hourglass.drift.bins import Counts, Floats
from hourglass.drift.profile import Profile
from hourglass.drift.reference import Reference, Sketch
from hourglass.drift.watch import Watch
from hourglass.errors import HourglassError

Of = Literal["rows", "column", "score", "code"]


@dataclass(frozen=True)
class Finding:
    """One test of a batch.

    Parameters
    ----------
    of : {"rows", "column", "score", "code"}
    name : str
        Of the column or unit.
    what : str
        What was compared: ``values``, ``missing``, ``unknown``, ``invalid``, ``alarms`` or ``all units``.
    test : str
    effect : float
        How far apart reference and batch are, as `comparing` measures it; of rates their difference.
    before, now : float
        Of numbers the medians, of categories the shares of the one that changed most, of rates the rates; of all units
        nothing (0).
    p : float
    adjusted : float
        By Holm, for all tests of the batch.
    about : str
        The category that `before` and `now` are of.
    """

    of: Of
    name: str
    what: str
    test: str
    effect: float
    before: float
    now: float
    p: float
    adjusted: float = 1.0
    about: str = ""


@dataclass(frozen=True)
class Verdict:
    """What became of all tests.

    Parameters
    ----------
    alpha : float
        Probability that a batch of rows like those of the reference is called drift.
    rows, judged, seen, reference_rows : int
        Of the batch, those of them that have a score, those that all tests but those of scores are about, and of the
        reference.
    findings : tuple of Finding
        The most certain first.
    nominal : bool
        Whether rows overlap, so that they aren't apart from each other and alarms come more often than promised.
    """

    alpha: float
    rows: int
    judged: int
    seen: int
    reference_rows: int
    findings: tuple[Finding, ...]
    nominal: bool

    @property
    def drifted(self) -> tuple[Finding, ...]:
        """The tests that found drift."""
        return tuple(one for one in self.findings if one.adjusted <= self.alpha)

    def facts(self) -> dict[str, Any]:
        """Describe the verdict as JSON."""
        return asdict(self) | {"drift": bool(self.drifted)}


def judge(watch: Watch, profile: Profile, alpha: float) -> Verdict:
    """Hold a batch against the reference of the model that scored it.

    Parameters
    ----------
    watch : Watch
        Of that model.
    profile : Profile
    alpha : float
        Probability, at most, that a batch of rows like those of the reference is called drift.

    Raises
    ------
    HourglassError
        Another model scored it, it holds no rows, or alpha is no probability.
    """
    if not 0 < alpha < 1:
        raise HourglassError(f"alpha is {alpha:g}; expected a probability between 0 and 1, such as 0.01.")
    if profile.reference != watch.key:
        raise HourglassError(
            f"the rows were scored by another model than {watch.model.folder}; name that with --model, or score them "
            "again."
        )
    found = findings(watch.reference, watch.scores, watch.above, profile)
    nominal = watch.model.config["schema"]["kind"] in ("signal", "audio")
    rows, judged = profile.rows, profile.scores.known
    return Verdict(alpha, rows, judged, profile.seen, watch.reference.sums.rows, found, nominal)


def findings(reference: Reference, scores: Sketch, above: int, profile: Profile) -> tuple[Finding, ...]:
    """Make all tests of a batch, adjusted for their number.

    What happened neither before nor now (a column that lacks no value) is no test. Where no row can be judged, those of
    what rows lack are left.

    Parameters
    ----------
    reference : Reference
    scores : Sketch
        Of all calibration scores.
    above : int
        How many of them lie above the threshold.
    profile : Profile

    Raises
    ------
    HourglassError
        There are no rows.
    """
    if not profile.rows:
        raise HourglassError("the batch holds no rows; there is nothing to hold against the reference.")
    tests = [
        *_of_rows(reference, profile),
        *_of_columns(reference, profile),
        *_of_scores(scores, above, profile),
        *_of_codes(reference, profile),
    ]
    adjusted = comparing.holm(np.array([one.p for one in tests]))
    found = (replace(one, adjusted=float(p)) for one, p in zip(tests, adjusted, strict=True))
    return tuple(sorted(found, key=lambda one: (one.p, -one.effect)))


def _of_rows(reference: Reference, profile: Profile) -> Iterator[Finding]:
    yield from _more("rows", "", "invalid", reference.dropped, (profile.scores.missing, profile.rows))


def _of_columns(reference: Reference, profile: Profile) -> Iterator[Finding]:
    rows = reference.sums.rows
    for sketch, counts in zip(reference.columns, profile.columns, strict=True):
        name = sketch.watched.name
        if counts.known and sketch.counts.known:
            yield _values("column", sketch, counts)
        for what in ("missing", "unknown"):
            had = getattr(sketch.counts, what)
            # rows of the snapshot that lacked something were dropped, so its rate bounds that of each column
            before = (had, rows) if had else reference.dropped
            yield from _more("column", name, what, before, (getattr(counts, what), profile.seen))


def _of_scores(scores: Sketch, above: int, profile: Profile) -> Iterator[Finding]:
    if profile.scores.known:
        yield _values("score", scores, profile.scores)
        yield _alarms(scores.counts.known, above, profile)


def _of_codes(reference: Reference, profile: Profile) -> Iterator[Finding]:
    if not profile.sums.rows:
        return
    for sketch, counts in zip(reference.units, profile.units, strict=True):
        yield _values("code", sketch, counts)
    if len(reference.sums.sums):
        discrepancy, p = comparing.codes(reference.sums, profile.sums)
        yield Finding("code", "", "all units", "Hotelling's, of waves", discrepancy, 0, 0, p)


def _values(of: Of, sketch: Sketch, counts: Counts) -> Finding:
    before, now, name = sketch.counts.bins, counts.bins, sketch.watched.name
    if not sketch.watched.values:
        distance, p = comparing.distributions(before, now)
        middles = _median(sketch.edges, before), _median(sketch.edges, now)
        return Finding(of, name, "values", "Kolmogorov-Smirnov", distance, *middles, p)
    distance, p = comparing.categories(before, now)
    shares = before / before.sum(), now / now.sum()
    most = int(np.abs(shares[1] - shares[0]).argmax())
    ends = float(shares[0][most]), float(shares[1][most])
    return Finding(of, name, "values", "chi-square", distance, *ends, p, about=sketch.watched.values[most])


def _more(of: Of, name: str, what: str, before: tuple[int, int], now: tuple[int, int]) -> Iterator[Finding]:
    if before[0] or now[0]:
        rates = before[0] / max(1, before[1]), now[0] / now[1]
        p = comparing.more_often(before, now)
        yield Finding(of, name, what, "Fisher's, one-sided", rates[1] - rates[0], *rates, p)


def _alarms(calibration: int, above: int, profile: Profile) -> Finding:
    rows = profile.scores.known
    rates = above / calibration, profile.alarms / rows
    p = comparing.more_alarms(above, calibration, profile.alarms, rows)
    return Finding("score", "", "alarms", "beta-binomial, one-sided", rates[1] - rates[0], *rates, p)


def _median(edges: Floats, bins: Any) -> float:
    """Give the edge that half of the rows are at most at; beyond all edges the last."""
    place = int(np.searchsorted(bins.cumsum(), bins.sum() / 2))
    return float(edges[min(place, len(edges) - 1)]) if len(edges) else 0.0
