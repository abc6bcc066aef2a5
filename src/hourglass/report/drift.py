"""The drift page: a batch beside the reference of the model that scored it, and JSON for programs beside that."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from markupsafe import Markup

from hourglass.drift.bins import Counts
from hourglass.drift.profile import Profile
from hourglass.drift.reference import Sketch
from hourglass.drift.verdict import Finding, Verdict
from hourglass.drift.watch import Watch
from hourglass.errors import HourglassError
from hourglass.files import write_json, write_text
from hourglass.report import words
from hourglass.report.templates import STYLE, environment

#: Pictures on the page, those of the most certain tests.
_PICTURES = 12
_SENTENCES = {
    "missing": "is missing",
    "unknown": "is unknown: an unseen category, text for a number, or infinite",
    "invalid": "can't be judged",
    "alarms": "lies above the threshold",
}


def require_page(page: Path) -> None:
    """Refuse a name that is no page's.

    Raises
    ------
    HourglassError
        Its suffix is another than ``.html``.
    """
    if page.suffix != ".html":
        raise HourglassError(f"{page} is no page's name; give one that ends in .html.")


def write(watch: Watch, profile: Profile, verdict: Verdict, source: str, model: str, page: Path) -> None:
    """Write the page, and the same numbers as JSON beside it.

    Parameters
    ----------
    watch : Watch
    profile : Profile
    verdict : Verdict
    source, model : str
        What the batch and the model are called.
    page : Path
        ``.html``; what is there is replaced, and so is the ``.json`` of the same name.
    """
    context = {
        "source": source,
        "model": model,
        "variant": watch.model.config["variant"],
        "verdict": verdict,
        "headline": sentence(verdict),
        "rows": [_row(watch, finding) for finding in verdict.findings],
        "pictures": list(_pictures(watch, profile, verdict)),
        "style": STYLE,
    }
    page.parent.mkdir(parents=True, exist_ok=True)
    write_text(page, environment().get_template("drift.html").render(context))
    write_json(page.with_suffix(".json"), verdict.facts() | {"source": source, "model": model})


def sentence(verdict: Verdict) -> str:
    """Say what came of the tests."""
    tests, alpha = len(verdict.findings), f"{verdict.alpha:.3g}"
    of = f"{words.count(verdict.rows)} rows by {words.count(tests)} test{'s' if tests > 1 else ''}"
    none = "" if verdict.judged else f"None of the {words.count(verdict.rows)} rows can be judged. "
    if not verdict.drifted:
        return f"{none}No drift in {of}; of batches like the reference a share of {alpha} at most is called drift."
    first = verdict.drifted[0]
    named = dict.fromkeys(subject(one) for one in verdict.drifted)
    shown = ", ".join(list(named)[:3]) + (f" and {len(named) - 3} more" if len(named) > 3 else "")
    most = f"the most certain has p = {first.adjusted:.2g}, adjusted for all, against {alpha}"
    return f"{none}Drift in {of}: {shown}; {most}."


def subject(finding: Finding) -> str:
    """Name what a test is about."""
    if finding.what == "all units":
        return "the code as a whole"
    if finding.of == "score":
        return "alarms" if finding.what == "alarms" else "scores"
    if finding.of == "rows":
        return "rows that can't be judged"
    name = finding.name if finding.of == "code" else f"column {finding.name}"
    return name if finding.what == "values" else f"{finding.what} values of {name}"


def _row(watch: Watch, finding: Finding) -> dict[str, Any]:
    return {"finding": finding, "subject": subject(finding), "before": _shown(watch, finding, finding.before)} | {
        "now": _shown(watch, finding, finding.now),
        "compared": _compared(finding),
    }


def _compared(finding: Finding) -> str:
    """Say what the numbers before and now are."""
    if finding.what == "all units":
        return ""
    if finding.what == "values":
        return f"share of {finding.about}" if finding.about else "median"
    return f"share that {_SENTENCES[finding.what]}"


def _shown(watch: Watch, finding: Finding, value: float) -> str:
    if finding.what == "all units":
        return ""
    if finding.what != "values" or finding.about:
        return words.percent(value)
    types = {one.watched.name: one.watched.type for one in watch.reference.columns}
    return words.value(value, {"type": types.get(finding.name) if finding.of == "column" else None})


def _pictures(watch: Watch, profile: Profile, verdict: Verdict) -> Iterator[tuple[Markup, str, bool]]:
    """Draw what was compared, scores first: a picture, its caption, and whether it shows drift."""
    from hourglass.report import figures  # it loads matplotlib

    held = _held(watch, profile)
    found = [one for one in verdict.findings if one.what == "values"]
    found.sort(key=lambda one: one.of != "score")
    for place, finding in enumerate(found[:_PICTURES]):
        sketch, counts = held[finding.of, finding.name]
        told = {"name": f"drift-{place}", "label": f"{subject(finding)}: reference and batch"}
        if sketch.watched.values:
            picture = figures.shares(list(sketch.watched.values), sketch.counts.bins, counts.bins, **told)
        else:
            picture = figures.distributions(sketch.edges, sketch.counts.bins, counts.bins, **told)
        yield picture, subject(finding), finding.adjusted <= verdict.alpha


def _held(watch: Watch, profile: Profile) -> dict[tuple[str, str], tuple[Sketch, Counts]]:
    pairs = [("score", watch.scores, profile.scores)]
    pairs += [("column", *pair) for pair in zip(watch.reference.columns, profile.columns, strict=True)]
    pairs += [("code", *pair) for pair in zip(watch.reference.units, profile.units, strict=True)]
    return {(of, sketch.watched.name): (sketch, counts) for of, sketch, counts in pairs}
