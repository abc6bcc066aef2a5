"""What the report draws once per variant: loss curves, ROC, scores, latent map, KL of each unit."""

from collections.abc import Iterator
from typing import Any

from markupsafe import Markup

from hourglass.models.shared.alarms import WORDS
from hourglass.report import figures, found, terms, words
from hourglass.report.facts import MAP_WORDS, Estimate, Facts, Variant

#: Points on all latent maps together; each is some 125 bytes of SVG.
_MAP_POINTS = 8_000
_MAP_POINTS_EACH = 3_000


def panel(facts: Facts, variant: Variant) -> dict[str, Any]:
    """Draw everything that is there once per variant."""
    maps = list(_maps(facts, variant))
    return {
        "variant": variant,
        "posterior": variant.evaluation["posterior"],
        "curves": list(_curves(variant)),
        "alarms": list(_alarms(variant)),
        "widths": _widths(variant),
        "roc": _roc(variant),
        "precision_recall": _precision_recall(variant),
        "found": found.of(facts, variant),
        "auroc": Estimate.of(variant.evaluation["test"]["model"], "auroc"),
        "scores": _scores(variant),
        "timeline": _timeline(variant) if facts.data.kind == "signal" else None,
        "map": maps[0]["figure"],
        "maps": maps,
        "kl_per_unit": _kl_per_unit(variant),
    }


def legend(facts: Facts) -> list[tuple[str, str]]:
    """Name the colours of the latent maps: the normal classes; those that share the last colour are counted."""
    normal = [one.name for one in facts.data.classes if not one.anomalous]
    colours = [(name, figures.class_colour(place)) for place, name in enumerate(normal)]
    last = figures.CLASS_COLOURS - 1
    others = colours[last:]
    return colours if len(others) < 2 else [*colours[:last], (f"{len(others)} others", others[0][1])]


def _points(facts: Facts) -> int:
    return min(_MAP_POINTS_EACH, _MAP_POINTS // len(facts.variants))


def _curves(variant: Variant) -> Iterator[dict[str, Any]]:
    likelihood = variant.model["settings"]["likelihood"]
    shown = [(course, term) for course in variant.courses for term in course.terms]
    for place, (course, term) in enumerate(shown):
        title, says = terms.caption(term, likelihood)
        figure = figures.curves(
            course.epochs,
            term,
            course.best_epoch,
            name=f"{variant.name}-curve-{place}",
            label=f"{variant.name}: {term} on train and validation over {len(course.epochs)} epochs",
        )
        yield {"term": term, "title": title, "says": says, "figure": figure}


def _alarms(variant: Variant) -> Iterator[str]:
    """Tell what training warned of, and when."""
    for alarm, said in WORDS.items():
        epochs = [record["epoch"] for record in variant.epochs if alarm in record["alarms"]]
        if epochs:
            yield f"In {words.count(len(epochs))} epochs, the last of them {words.count(epochs[-1])}: {said}."


def _widths(variant: Variant) -> Markup | None:
    found = variant.model["widths"]
    if found is None:
        return None
    return figures.widths(
        found["tried"],
        found["chosen"],
        name=f"{variant.name}-widths",
        label=f"{variant.name}: held-out error of {len(found['tried'])} widths of the code, chosen {found['chosen']}",
    )


def _roc(variant: Variant) -> Markup | None:
    if "curves" not in variant.evaluation:
        return None
    test = variant.evaluation["test"]["model"]
    return figures.roc(
        variant.evaluation["curves"]["roc"],
        variant.evaluation["curves"]["roc_band"],
        (test["false_alarm_rate"], test["detection_rate"]),
        name=f"{variant.name}-roc",
        label=f"{variant.name}: ROC curve on test, AUROC {words.number(test['auroc'])}",
    )


def _precision_recall(variant: Variant) -> Markup | None:
    if "curves" not in variant.evaluation:
        return None
    area = variant.evaluation["test"]["model"]["average_precision"]
    return figures.precision_recall(
        variant.evaluation["curves"]["pr"],
        variant.evaluation["curves"]["pr_band"],
        float(variant.anomaly.mean()),
        name=f"{variant.name}-pr",
        label=f"{variant.name}: precision over recall on test, average precision {words.number(area)}",
    )


def _scores(variant: Variant) -> Markup:
    threshold = variant.evaluation["threshold"]
    return figures.scores(
        variant.scores,
        variant.anomaly,
        threshold,
        name=f"{variant.name}-scores",
        label=f"{variant.name}: distribution of anomaly scores on test, threshold {words.number(threshold)}",
    )


def _timeline(variant: Variant) -> Markup:
    threshold = variant.evaluation["threshold"]
    return figures.timeline(
        variant.scores,
        variant.anomaly,
        threshold,
        name=f"{variant.name}-timeline",
        label=f"{variant.name}: anomaly scores of the windows of test in their order, threshold "
        f"{words.number(threshold)}, {words.count(int(variant.anomaly.sum()))} anomalous windows shaded",
    )


def _maps(facts: Facts, variant: Variant) -> Iterator[dict[str, Any]]:
    """Draw each map, and tell of how many rows it is."""
    names = [one.name for one in facts.data.classes]
    anomalous = [one.name for one in facts.data.classes if one.anomalous]
    for one in variant.latent_maps:
        rows = len(one.layout)
        figure = figures.latent_map(
            one.layout,
            one.label,
            names,
            anomalous,
            _points(facts),
            name=f"{variant.name}-map-{one.kind}",
            aria=f"{variant.name}: map of the codes of {rows} held-out rows, {MAP_WORDS[one.kind]}",
        )
        yield {
            "kind": one.kind,
            "words": MAP_WORDS[one.kind],
            "figure": figure,
            "shown": min(_points(facts), rows),
            "rows": rows,
            "numbers": one.numbers,
        }


def _kl_per_unit(variant: Variant) -> Markup | None:
    if "kl_per_unit" not in variant.evaluation["posterior"]:
        return None
    return figures.bars(
        variant.evaluation["posterior"]["kl_per_unit"],
        name=f"{variant.name}-kl",
        label=f"{variant.name}: KL of each latent unit in nats, the largest first",
        x_label="latent unit, by its KL",
        y_label="nats",
    )
