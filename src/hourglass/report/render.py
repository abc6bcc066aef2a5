"""The report: one HTML file that needs neither a network nor a script."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from numpy.typing import NDArray

from hourglass.files import digest, read_json, sha256_of, write_json, write_text
from hourglass.params import SPLITS, Params
from hourglass.project import Project
from hourglass.registry.provenance import Provenance
from hourglass.registry.standing import Standing
from hourglass.report import words
from hourglass.report.facts import EXAMPLES, PURPOSES, Alarm, Entry, Estimate, Facts, Variant, collect, numbers

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
#: Points on all latent maps together; each is some 90 bytes of SVG.
_MAP_POINTS = 12_000
_MAP_POINTS_EACH = 3_000
#: Features of a table that a picture names.
_STRIP_FEATURES = 24
_ROW_FEATURES = 8
_ARRAYS_EACH = 6
_MEASURED = ("relative_error", "auroc", "average_precision", "false_alarm_rate", "detection_rate")


@dataclass(frozen=True)
class Interval:
    """Where an interval and a mark lie on the scale of a column, in percent of its width."""

    low: float
    at: float
    high: float
    mark: float


@dataclass(frozen=True)
class Gallery:
    """Example rows of one kind, drawn: each a picture and its caption, or one figure for all."""

    title: str
    meaning: str
    tiles: list[dict[str, str]]
    figure: Markup | None = None


@dataclass(frozen=True)
class Strip:
    """Numbers of many rows as cells: a picture for each group of rows, features from top to bottom."""

    features: list[str]
    groups: list[tuple[str, int, str]]


@dataclass(frozen=True)
class TableRow:
    """A row of a table, by the features that came back worst."""

    title: str
    features: list[tuple[str, float, float, float]]


def render(project: Project, params: Params, standing: Standing | None) -> Path:
    """Write ``reports/index.html`` and, beside it, ``report.json`` with the numbers shown.

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
    if project.report.exists() and numbers_file.exists() and read_json(numbers_file).get("key") == key:
        return project.report
    facts = collect(project, params, standing)
    page = _environment().get_template("template.html").render(_context(facts))
    project.report.parent.mkdir(parents=True, exist_ok=True)
    numbers_file.unlink(missing_ok=True)
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
            "code": [sha256_of(path) for path in sorted(_HERE.iterdir()) if path.is_file()],
            "provenance": repr(Provenance.of(project.root)),
        }
    )


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in ("number", "percent", "signed", "interval", "percent_interval", "count", "plain", "promise"):
        environment.filters[name] = getattr(words, name)
    return environment


def _context(facts: Facts) -> dict[str, Any]:
    return {
        "facts": facts,
        "data": facts.data,
        "style": Markup((_HERE / "style.css").read_text(encoding="utf-8")),  # noqa: S704
        "headline": words.headline(facts),
        "registered": words.registered(facts),
        "metric": words.METRICS[facts.metric],
        "head": words.HEADS[facts.metric],
        "heads": words.HEADS,
        "promise_of_all": words.promise_of_all(facts.alarms),
        "shape": words.shape(facts.data),
        "normaliser": words.normaliser(facts.data),
        "duplicates": words.duplicates(facts.data),
        "splits": SPLITS,
        "purposes": PURPOSES,
        "board": list(_board(facts)),
        "alarm_scale": list(_alarm_scale(facts.alarms)),
        "measured": {split: list(_measurements(facts, split)) for split in ("selection", "test")},
        "panels": [panel(facts, variant) for variant in facts.variants],
        "legend": _legend(facts),
        "runs": list(_runs(facts.variants)),
    } | _rows(facts)


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
                "whose": {"model": "trained", "pca": f"PCA, {variant.latent} components"}.get(whose, whose),
                "mse": (found["mse"], found["mse_se"]),
                **{name: Estimate.of(found, name) for name in _MEASURED},
            }


def panel(facts: Facts, variant: Variant) -> dict[str, Any]:
    """Draw everything that is there once per variant."""
    from hourglass.report import figures

    found, name = variant.evaluation, variant.name
    progress = variant.model["progress"]
    test = found["test"]["model"]
    classes = [one.name for one in facts.data.classes]
    anomalous = [one.name for one in facts.data.classes if one.anomalous]
    points = min(_MAP_POINTS_EACH, _MAP_POINTS // len(facts.variants))
    return {
        "variant": variant,
        "posterior": found["posterior"],
        "progress": progress,
        "curves": [
            (
                term,
                figures.curves(
                    variant.epochs,
                    term,
                    progress["best_epoch"],
                    name=f"{name}-curve-{place}",
                    label=f"{name}: {term} on train and validation over {progress['epoch']} epochs",
                ),
            )
            for place, term in enumerate(variant.terms)
        ],
        "roc": figures.roc(
            found["curves"]["roc"],
            (test["false_alarm_rate"], test["detection_rate"]),
            name=f"{name}-roc",
            label=f"{name}: ROC curve on test, AUROC {words.number(test['auroc'])}",
        )
        if "curves" in found
        else None,
        "auroc": Estimate.of(test, "auroc"),
        "scores": figures.scores(
            variant.scores,
            variant.anomaly,
            found["threshold"],
            name=f"{name}-scores",
            label=f"{name}: distribution of anomaly scores on test, threshold {words.number(found['threshold'])}",
        ),
        "map": figures.latent_map(
            variant.latent_map.layout,
            variant.latent_map.label,
            classes,
            anomalous,
            points,
            name=f"{name}-map",
            aria=f"{name}: map of the codes of {len(variant.latent_map.layout)} held-out rows",
        ),
        "map_rows": (min(points, len(variant.latent_map.layout)), len(variant.latent_map.layout)),
        "kl_per_unit": figures.bars(
            found["posterior"]["kl_per_unit"],
            name=f"{name}-kl",
            label=f"{name}: KL of each latent unit in nats, the largest first",
            x_label="latent unit, by its KL",
            y_label="nats",
        )
        if "kl_per_unit" in found["posterior"]
        else None,
    }


def _legend(facts: Facts) -> list[tuple[str, str]]:
    """Name the colours of the latent maps: the normal classes, where there are several."""
    from hourglass.report.figures import class_colour

    normal = [one.name for one in facts.data.classes if not one.anomalous]
    return [(name, class_colour(place)) for place, name in enumerate(normal)]


def _rows(facts: Facts) -> dict[str, Any]:
    """Draw example rows and samples of every variant, as the kind of data asks for."""
    draw = {"image": _images, "table": _tables, "array": _curves}[facts.data.kind]
    return {"rows": draw(facts)}


def _images(facts: Facts) -> list[dict[str, Any]]:
    from hourglass.report import pictures

    scale = pictures.Scale.of(facts.data, facts.variants)

    def gallery(variant: Variant, kind: str) -> Gallery:
        tiles = [
            {
                "source": pictures.example(facts.data, scale, one),
                "alt": f"row {one.row}{f', class {one.label}' if one.label else ''}, score {words.number(one.score)}: "
                "original, reconstruction, difference",
                "label": one.label,
                "score": words.number(one.score),
            }
            for one in variant.examples[kind]
        ]
        return Gallery(*EXAMPLES[kind], tiles)

    return [
        {
            "variant": variant,
            "difference": words.number(scale.difference),
            "galleries": [gallery(variant, kind) for kind in EXAMPLES if variant.examples[kind]],
            "samples": [
                {"source": pictures.sample(facts.data, scale, x), "alt": f"sample {place} of {variant.name}"}
                for place, x in enumerate(variant.samples, 1)
            ],
        }
        for variant in facts.variants
    ]


def _tables(facts: Facts) -> list[dict[str, Any]]:
    from hourglass.report import pictures

    names = np.array(facts.data.features, object)
    limit = pictures.Scale.of(facts.data, facts.variants).difference
    detailed = ("anomalous" if facts.variants[0].examples["anomalous"] else "typical", "worst")
    widest = max(float(np.quantile(np.abs(_stack(variant, "typical")[0]), 0.99)) for variant in facts.variants) or 1.0

    def strips(variant: Variant) -> dict[str, Any]:
        residuals = {kind: np.subtract(*_stack(variant, kind)[::-1]) for kind in EXAMPLES if variant.examples[kind]}
        typical = np.abs(np.concatenate(list(residuals.values()))).mean(axis=0)
        shown = np.sort(np.argsort(-typical, kind="stable")[:_STRIP_FEATURES])
        cells = [
            (EXAMPLES[kind][0], len(rows), pictures.strip(rows[:, shown].T, limit)) for kind, rows in residuals.items()
        ]
        drawn = {"Real rows": _stack(variant, "typical")[0], "Samples": variant.samples}
        values = [(title, len(rows), pictures.strip(rows[:, shown].T, widest)) for title, rows in drawn.items()]
        return {
            "variant": variant,
            "difference": words.number(limit),
            "widest": words.number(widest),
            "strip": Strip(list(names[shown]), cells),
            "examples": [_table_row(facts, variant, kind) for kind in detailed],
            "samples": Strip(list(names[shown]), values),
        }

    return [strips(variant) for variant in facts.variants]


def _stack(variant: Variant, kind: str) -> tuple[NDArray[Any], NDArray[Any]]:
    examples = variant.examples[kind]
    return np.stack([one.x for one in examples]), np.stack([one.x_hat for one in examples])


def _table_row(facts: Facts, variant: Variant, kind: str) -> TableRow:
    one = variant.examples[kind][0]
    raw, rebuilt = (facts.data.normaliser.inverse(values[None])[0] for values in (one.x, one.x_hat))
    worst = np.argsort(-np.abs(one.x_hat - one.x), kind="stable")[:_ROW_FEATURES]
    title = (
        f"{EXAMPLES[kind][0]}: row {one.row}{f', {one.label}' if one.label else ''}, score {words.number(one.score)}"
    )
    return TableRow(
        title,
        [
            (facts.data.features[place], float(raw[place]), float(rebuilt[place]), float((one.x_hat - one.x)[place]))
            for place in worst
        ],
    )


def _curves(facts: Facts) -> list[dict[str, Any]]:
    from hourglass.report import figures

    def gallery(variant: Variant, kind: str) -> Gallery:
        shown = variant.examples[kind][:_ARRAYS_EACH]
        title, meaning = EXAMPLES[kind]
        figure = figures.lines(
            [(one.x, one.x_hat) for one in shown],
            3,
            name=f"{variant.name}-{kind}",
            label=f"{variant.name}: {meaning}, each original with its reconstruction",
        )
        return Gallery(title, meaning, [], figure)

    return [
        {
            "variant": variant,
            "galleries": [gallery(variant, kind) for kind in EXAMPLES if variant.examples[kind]],
            "samples": figures.lines(
                [(x,) for x in variant.samples[: 2 * _ARRAYS_EACH]],
                3,
                name=f"{variant.name}-samples",
                label=f"{variant.name}: samples",
            ),
        }
        for variant in facts.variants
    ]


def _runs(variants: tuple[Variant, ...]) -> Iterator[tuple[str, list[str]]]:
    """Lay out the facts of the runs: a row for each fact, a column for each variant."""

    def row(title: str, *path: str) -> tuple[str, list[str]]:
        return title, [_at(variant.model, path) for variant in variants]

    loop = sorted({name for variant in variants for name in variant.loop})
    settings = sorted({name for variant in variants for name in variant.model["settings"]})
    yield from (row(f"setting {name}", "settings", name) for name in settings)
    yield from ((f"train.{name}", [_at(variant.loop, (name,)) for variant in variants]) for name in loop)
    yield row("parameters", "parameters")
    yield row("epochs run", "progress", "epoch")
    yield row("steps", "progress", "step")
    yield row("best epoch", "progress", "best_epoch")
    yield row("seed", "seed")
    fingerprint = sorted({name for variant in variants for name in variant.model["fingerprint"]})
    yield from (row(f"fingerprint {name}", "fingerprint", name) for name in fingerprint)
    for stage in ("train", "package", "evaluate"):
        yield f"input key of {stage}", [variant.keys.get(f"{stage}@{variant.name}", "") for variant in variants]


def _at(content: dict[str, Any], path: tuple[str, ...]) -> str:
    value: Any = content
    for name in path:
        value = value.get(name, "") if isinstance(value, dict) else ""
    if value is None:
        return "null"
    return words.count(value) if isinstance(value, int) and not isinstance(value, bool) else str(value)
