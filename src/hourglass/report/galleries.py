"""Example rows beside their reconstructions, and samples, drawn as the kind of data asks for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from hourglass.report import figures, pictures, words
from hourglass.report.facts import EXAMPLES, Example, Facts, Variant

#: Features of a table that a picture names.
_STRIP_FEATURES = 24
_ROW_FEATURES = 8
_ARRAYS_EACH = 6


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
    features: list[tuple[str, str, str, float]]


def of(facts: Facts) -> list[dict[str, Any]]:
    """Draw example rows and samples of every variant, as the kind of data asks for."""
    return {"image": _images, "table": _tables, "curve": _curves}[facts.data.drawn](facts)


def _images(facts: Facts) -> list[dict[str, Any]]:
    scale = pictures.Scale.of(facts.data, facts.variants)
    return [
        {
            "variant": variant,
            "difference": words.number(scale.difference),
            "galleries": [
                Gallery(*EXAMPLES[kind], [_tile(facts, scale, one) for one in _with_masks(variant.examples[kind])])
                for kind in EXAMPLES
                if variant.examples[kind]
            ],
            "samples": [
                {"source": pictures.sample(facts.data, scale, x), "alt": f"sample {place} of {variant.name}"}
                for place, x in enumerate(variant.samples, 1)
            ],
        }
        for variant in facts.variants
    ]


def _with_masks(examples: Sequence[Example]) -> list[Example]:
    """Leave masks out where none of them marks anything."""
    marked = any(one.mask is not None and one.mask.any() for one in examples)
    return [one if marked else replace(one, mask=None) for one in examples]


def _tile(facts: Facts, scale: pictures.Scale, one: Example) -> dict[str, str]:
    shown = ["original", "reconstruction", "difference"]
    shown += [name for name, there in (("map", one.map), ("mask", one.mask)) if there is not None]
    score = words.number(one.score)
    of_class = f", class {one.label}" if one.label else ""
    return {
        "source": pictures.example(facts.data, scale, one),
        "alt": f"row {one.row}{of_class}, score {score}: {', '.join(shown)}",
        "label": one.label,
        "score": score,
    }


def _tables(facts: Facts) -> list[dict[str, Any]]:
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
    types = {column["name"]: column["type"] for column in facts.data.overview["columns"]}

    def said(place: int) -> tuple[str, str, str, float]:
        name = facts.data.features[place]
        value, again = (words.value(float(numbers[place]), {"type": types.get(name)}) for numbers in (raw, rebuilt))
        return name, value, again, float((one.x_hat - one.x)[place])

    return TableRow(title, [said(place) for place in worst])


def _curves(facts: Facts) -> list[dict[str, Any]]:
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
