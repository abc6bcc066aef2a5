"""The report: one HTML file that needs neither a network nor a script, and beside it the explorer, which has one."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hourglass.data.params import SPLITS
from hourglass.files import digest, read_json, sha256_of, write_json, write_text
from hourglass.params import Params
from hourglass.project import Project
from hourglass.registry.provenance import Provenance
from hourglass.registry.standing import Standing
from hourglass.report import gather, runs, words
from hourglass.report.facts import PURPOSES, Alarm, Entry, Estimate, Facts
from hourglass.report.numbers import numbers
from hourglass.report.templates import STYLE, environment

NUMBERS = "report.json"

#: Files below ``work/`` that the report shows, or that stand for one that it does.
_SHOWN = (
    "dataset/dataset.json",
    "train/*/m*.json*",
    "package/*/manifest.json",
    "evaluate/*/*",
    "compare/**/*",
    "inputs/*.json",
)

_HERE = Path(__file__).parent
_MEASURED = ("relative_error", "auroc", "average_precision", "false_alarm_rate", "detection_rate")


@dataclass(frozen=True)
class Interval:
    """Where an interval and a mark lie on the scale of a column, in percent of its width."""

    low: float
    at: float
    high: float
    mark: float


def render(project: Project, params: Params, standing: Standing | None) -> Path:
    """Write ``reports/index.html`` and, beside it, ``explorer.html`` and ``report.json`` with the numbers shown.

    The same inputs give the same bytes; where they are those of the report that is there, nothing is drawn again.

    Parameters
    ----------
    project : Project
        Its stages have run.
    params : Params
    standing : Standing or None
        None where the store can't be reached or nothing was registered; the report then says so.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    HourglassError
        The output of a stage is missing.
    """
    key = _key(project, params, standing)
    numbers_file = project.report.with_name(NUMBERS)
    pages = [path for path in (project.explorer, project.report) if path is not None]
    if all(path.exists() for path in (*pages, numbers_file)) and read_json(numbers_file).get("key") == key:
        return project.report
    from hourglass.report.explorer.page import page as explore  # loads matplotlib

    facts = gather.collect(project, params, standing)
    page = environment().get_template("template.html").render(_context(facts, project.explorer))
    project.report.parent.mkdir(parents=True, exist_ok=True)
    numbers_file.unlink(missing_ok=True)
    if project.explorer is not None:
        write_text(project.explorer, explore(project, params, facts))
    write_text(project.report, page)
    write_json(numbers_file, numbers(facts) | {"key": key})
    return project.report


def _key(project: Project, params: Params, standing: Standing | None) -> str:
    """Hash everything that a report shows, and the code that draws it."""
    work = project.root / "work"
    shown = [path for pattern in _SHOWN for path in sorted(work.glob(pattern)) if path.is_file()]
    return digest(
        {
            "results": {path.relative_to(work).as_posix(): sha256_of(path) for path in shown},
            "params": [params.model_dump(mode="json"), params.sections],
            "standing": repr(standing),
            "sweeps": repr(list(gather.sweeps(project, params.variants))),
            "code": [sha256_of(path) for path in sorted(_HERE.rglob("*")) if path.is_file() and path.suffix != ".pyc"],
            "provenance": repr(Provenance.of(project.root)),
        }
    )


def _context(facts: Facts, explorer: Path | None) -> dict[str, Any]:
    from hourglass.report import (
        dataset,
        galleries,
        pages,
        panels,
        sweeps,
    )  # they load matplotlib, which a page that stays doesn't need

    return {
        "facts": facts,
        "explorer": explorer.name if explorer else None,
        "data": facts.data,
        "style": STYLE,
        "headline": words.headline(facts),
        "registered": words.registered(facts),
        "metric": words.METRICS[facts.metric],
        "head": words.HEADS[facts.metric],
        "heads": words.HEADS,
        "scores": words.SCORES,
        "promise_of_all": words.promise_of_all(facts.alarms),
        "shape": words.shape(facts.data),
        "normaliser": words.normaliser(facts.data),
        "duplicates": words.duplicates(facts.data),
        "splits": SPLITS,
        "purposes": PURPOSES,
        "board": list(_board(facts)),
        "alarm_scale": list(_alarm_scale(facts.alarms)),
        "measured": {split: list(_measurements(facts, split)) for split in ("selection", "test")},
        "panels": [panels.panel(facts, variant) for variant in facts.variants],
        "pages": pages.pages(facts),
        "legend": panels.legend(facts),
        "sweeps": [sweeps.panel(swept) for swept in facts.sweeps],
        "shared": runs.shared(facts.variants),
        "runs": runs.of_each(facts.variants),
        "rows": galleries.of(facts),
        "seen": dataset.view(facts),
    }


def _board(facts: Facts) -> Iterator[tuple[Entry, Interval | None]]:
    """Put the intervals on one scale, that of variants which may win and of PCA; what lies outside has no place."""
    pca = next(entry for entry in facts.leaderboard if entry.name == "PCA").select
    shown = [entry.select for entry in facts.leaderboard if entry.kind == "ranked"] + [pca]
    low, high = min(one.low for one in shown), max(one.high for one in shown)
    margin = 0.05 * ((high - low) or 1.0)
    low, high = low - margin, high + margin
    for entry in facts.leaderboard:
        yield entry, _interval(entry.select, low, high, pca.value) if low <= entry.select.value <= high else None


def _alarm_scale(alarms: tuple[Alarm, ...]) -> Iterator[tuple[Alarm, Interval]]:
    high = 1.05 * max(max(alarm.seen.high, alarm.alpha) for alarm in alarms)
    for alarm in alarms:
        yield alarm, _interval(alarm.seen, 0, high, alarm.alpha)


def _interval(estimate: Estimate, start: float, end: float, mark: float) -> Interval:
    low, at, high, marked = (
        round(float(np.clip(100 * (value - start) / (end - start), 0, 100)), 2)
        for value in (estimate.low, estimate.value, estimate.high, mark)
    )
    return Interval(low, at, high, marked)


def _measurements(facts: Facts, split: str) -> Iterator[dict[str, Any]]:
    for variant in facts.variants:
        for whose, found in variant.evaluation[split].items():
            yield {
                "variant": variant.name,
                "whose": {"model": "trained", "pca": f"PCA, {variant.pca_components} components"}.get(whose, whose),
                "mse": (found["mse"], found["mse_se"]),
                **{name: Estimate.of(found, name) for name in _MEASURED},
            }
