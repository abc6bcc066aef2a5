"""A batch held against the reference of the model that scored it."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from hourglass.drift import comparing
from hourglass.drift.bins import Counts, Floats
from hourglass.drift.overlap import apart
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
        Whether rows overlap. They count by the share that has nothing in common; but they depend on each other beyond
        that.
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
    found = findings(watch.reference, watch.scores, watch.above, profile, apart(watch.model.schema))
    nominal = watch.model.config["schema"]["kind"] in ("signal", "audio")
    rows, judged = profile.rows, profile.scores.known
    return Verdict(alpha, rows, judged, profile.seen, watch.reference.sums.rows, found, nominal)


def findings(
    reference: Reference, scores: Sketch, above: int, profile: Profile, apart: float = 1.0
) -> tuple[Finding, ...]:
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
    apart : float
        Share of rows that don't overlap.

    Raises
    ------
    HourglassError
        There are no rows.
    """
    if not profile.rows:
        raise HourglassError("the batch holds no rows; there is nothing to hold against the reference.")
    tests = list(_Tests(reference, scores, above, profile, apart).all())
    adjusted = comparing.holm(np.array([one.p for one in tests]))
    found = (replace(one, adjusted=float(p)) for one, p in zip(tests, adjusted, strict=True))
    return tuple(sorted(found, key=lambda one: (one.p, -one.effect)))


@dataclass(frozen=True)
class _Tests:
    """The tests of a batch; see `findings`."""

    reference: Reference
    scores: Sketch
    above: int
    profile: Profile
    apart: float

    def all(self) -> Iterator[Finding]:
        yield from self._of_rows()
        yield from self._of_columns()
        if self.profile.scores.known:
            yield self._values("score", self.scores, self.profile.scores)
            yield self._alarms()
        if self.profile.sums.rows:
            yield from self._of_codes()

    def _of_rows(self) -> Iterator[Finding]:
        invalid = self.profile.scores.missing, self.profile.rows
        yield from self._more("rows", "", "invalid", self.reference.dropped, invalid)

    def _of_columns(self) -> Iterator[Finding]:
        rows = self.reference.sums.rows
        for sketch, counts in zip(self.reference.columns, self.profile.columns, strict=True):
            name = sketch.watched.name
            if counts.known and sketch.counts.known:
                yield self._values("column", sketch, counts)
            for what in ("missing", "unknown"):
                had = getattr(sketch.counts, what)
                # rows of the snapshot that lacked something were dropped, so its rate bounds that of each column
                before = (had, rows) if had else self.reference.dropped
                yield from self._more("column", name, what, before, (getattr(counts, what), self.profile.seen))

    def _of_codes(self) -> Iterator[Finding]:
        for sketch, counts in zip(self.reference.units, self.profile.units, strict=True):
            yield self._values("code", sketch, counts)
        if len(self.reference.sums.sums):
            discrepancy, p = comparing.codes(self.reference.sums, self.profile.sums, self.apart)
            yield Finding("code", "", "all units", "Hotelling's, of waves", discrepancy, 0, 0, p)

    def _values(self, of: Of, sketch: Sketch, counts: Counts) -> Finding:
        before, now, name = sketch.counts.bins, counts.bins, sketch.watched.name
        if not sketch.watched.values:
            distance, p = comparing.distributions(before, now, self.apart)
            middles = _median(sketch.edges, before), _median(sketch.edges, now)
            return Finding(of, name, "values", "Kolmogorov-Smirnov", distance, *middles, p)
        distance, p = comparing.categories(before, now)  # of a table, whose rows don't overlap
        shares = before / before.sum(), now / now.sum()
        most = int(np.abs(shares[1] - shares[0]).argmax())
        ends = float(shares[0][most]), float(shares[1][most])
        return Finding(of, name, "values", "chi-square", distance, *ends, p, about=sketch.watched.values[most])

    def _more(self, of: Of, name: str, what: str, before: tuple[int, int], now: tuple[int, int]) -> Iterator[Finding]:
        if before[0] or now[0]:
            rates = before[0] / max(1, before[1]), now[0] / now[1]
            p = comparing.more_often(before, now, self.apart)
            yield Finding(of, name, what, "Fisher's, one-sided", rates[1] - rates[0], *rates, p)

    def _alarms(self) -> Finding:
        calibration, rows, alarms = self.scores.counts.known, self.profile.scores.known, self.profile.alarms
        rates = self.above / calibration, alarms / rows
        p = comparing.more_alarms(self.above, calibration, alarms, rows, self.apart)
        return Finding("score", "", "alarms", "beta-binomial, one-sided", rates[1] - rates[0], *rates, p)


def _median(edges: Floats, bins: Any) -> float:
    """Give the edge that half of the rows are at most at; beyond all edges the last."""
    place = int(np.searchsorted(bins.cumsum(), bins.sum() / 2))
    return float(edges[min(place, len(edges) - 1)]) if len(edges) else 0.0
