"""What a model explains of a row, what its codes are good for, and what it draws."""

from collections.abc import Iterator
from math import log
from typing import Any

from hourglass.report import figures, pictures, words
from hourglass.report.facts import Facts, Variant
from hourglass.report.panel import Panel
from hourglass.report.rivals import Rivals
from hourglass.report.walks import Walk, draw, scale_words

#: Samples that stand beside their nearest training rows.
_SAMPLES, _CURVES = 8, 6
_CODES = {"model": "the code", "pca": "PCA's"}
_PROBES = {
    "linear": "Linear",
    "neighbours": "5 nearest",
    "nmi": "NMI",
    "ari": "ARI",
    "trustworthiness": "Trust",
    "continuity": "Continuity",
}
#: What measures of codes are means over, by the spread of one of them; evaluations of older versions have none.
_OVER = {"nmi_sd": "three seeds of k-means", "continuity_sd": "the sets"}
_DRAWN = {"samples": "samples", "aggregate": "mixture of codes", "train": "training rows"}
_CLOSENESS = {
    "coverage": "Coverage",
    "density": "Density",
    "precision": "Precision",
    "recall": "Recall",
    "frechet": "Fréchet",
    "memorised": "Memorised",
}


def panels(facts: Facts, scale: pictures.Scale, variant: Variant) -> Iterator[Panel]:
    """Draw what there is of bounds, codes and drawn rows."""
    found = variant.evaluation
    if found["bounds"]:
        yield _bounds(variant, found["bounds"], found["posterior"])
    if "directions" in found["portrait"]:
        yield _directions(facts, scale, variant, found["portrait"]["directions"])
    if "attributes" in found["portrait"]:
        yield _attributes(facts, scale, variant, found["portrait"]["attributes"])
    if found["representation"]:
        yield _representation(found["representation"])
    if found["generation"]:
        yield _generation(facts, scale, variant, found["generation"])


def _bounds(variant: Variant, found: dict[str, Any], posterior: dict[str, Any]) -> Panel:
    draws, values, errors = ([one[name] for one in found["iwae"]] for name in ("draws", "bound", "se"))
    figure = figures.bounds(
        draws,
        values,
        errors,
        name=f"{variant.name}-bounds",
        label=f"{variant.name}: bound on log p(x) by {', '.join(map(words.count, draws))} importance-weighted draws",
    )
    return Panel(
        "How much of a row is explained",
        f"Lower bounds on log p(x) of {words.count(found['rows'])} rows of test, with two standard errors. Where the "
        "line still rises, log p(x) lies above it. A row costs its code (rate) and what the code leaves open "
        "(distortion).",
        {"figure": figure},
        [
            ("ELBO", f"{words.number(found['elbo'])} nats"),
            (
                f"Bound by {words.count(draws[-1])} draws",
                f"{words.number(values[-1])} ± {words.number(2 * errors[-1])}",
            ),
            ("Rate", f"{words.number(found['rate'])} nats"),
            ("Distortion", f"{words.number(found['distortion'])} nats"),
            *_information(posterior),
        ],
    )


def _information(posterior: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Say how much codes say; an evaluation of an older version doesn't tell of how many rows."""
    rows = posterior.get("information_rows")
    of = f"{words.count(rows)} rows" if rows else "their rows"
    yield f"What codes say of {of}, at least", f"{words.number(posterior['mutual_information'])} nats"
    if rows:
        yield f"The most that {of} can show", f"{words.number(log(rows))} nats"
    yield "All codes together from the prior, at most", f"{words.number(posterior['marginal_kl'])} nats"


def _directions(facts: Facts, scale: pictures.Scale, variant: Variant, found: dict[str, Any]) -> Panel:
    classes = [one.name for one in facts.data.classes]
    walks = [
        Walk(classes[code], rows, note=f"AUROC {auroc:.2f}")
        for code, rows, auroc in zip(found["labels"], variant.portrait["direction_x"], found["auroc"], strict=True)
    ]
    more = f" The first {len(walks)} of {found['of']} classes." if len(walks) < found["of"] else ""
    said = (
        "from all other rows to those of a class, which training wasn't told. The AUROC says how well the way tells "
        f"the class on rows that didn't make it.{more}"
    )
    return _ways(facts, scale, variant, walks, "class", "directions", said)


def _attributes(facts: Facts, scale: pictures.Scale, variant: Variant, found: dict[str, Any]) -> Panel:
    shown = zip(found["names"], variant.portrait["attribute_x"], found["r2"], strict=True)
    walks = [Walk(name, rows, note=f"R² {words.hundredths(r2)}") for name, rows, r2 in shown]
    more = f" The {len(walks)} of {found['of']} that codes tell best." if len(walks) < found["of"] else ""
    said = (
        "that codes of train go as a number grows, two standard deviations of it to either side. R² says how much of "
        f"the number a line through codes tells on rows that didn't make it.{more}"
    )
    return _ways(facts, scale, variant, walks, "number", "attributes", said)


def _ways(
    facts: Facts, scale: pictures.Scale, variant: Variant, walks: list[Walk], of: str, name: str, said: str
) -> Panel:
    """Show rows along directions of a class or number, which `said` tells."""
    label = f"{variant.name}: rows decoded along the direction of a {of}"
    picture = draw(facts.data, scale, walks, name=f"{variant.name}-{name}", label=label, changes=True)
    return Panel(
        f"The way of a {of}",
        f"From the mean code, against and along the way {said} {scale_words(facts.data, picture, changes=True)}",
        picture,
    )


def _representation(found: dict[str, Any]) -> Panel:
    shown = [name for name in _PROBES if name in found["model"]]
    rows = [
        (_CODES[which], "", [words.with_spread(found[which], name, words.share) for name in shown]) for which in _CODES
    ]
    over = [said for name, said in _OVER.items() if name in found["model"]]
    spread = f" ± is the standard deviation over {' or '.join(over)}." if over else ""
    sets = f"{words.count(found['sets'])} sets of " if found.get("sets", 1) > 1 else ""
    caption = f"Neighbours of {sets}{words.count(found['compared'])} rows of test.{spread}"
    if "fitted" in found:
        caption = (
            f"Classes told by what was fitted to {words.count(found['fitted'])} rows of train, on "
            f"{words.count(found['scored'])} of test; {words.percent(found['model']['majority'])} by chance. {caption}"
        )
    told = "whether a line or the nearest codes tell the class, whether k-means finds the classes, " * (
        "fitted" in found
    )
    return Panel(
        "What the code is good for",
        f"Beside the code of PCA, as wide: {told}whether neighbours among codes are neighbours among rows, and back. "
        "1 is best.",
        {},
        rivals=Rivals(caption, [_PROBES[name] for name in shown], rows),
    )


def _generation(facts: Facts, scale: pictures.Scale, variant: Variant, found: dict[str, Any]) -> Panel:
    samples, nearest = variant.samples[:_SAMPLES], variant.portrait["nearest_x"][:_SAMPLES]
    name, label = f"{variant.name}-nearest", f"{variant.name}: samples and the training row nearest to each"
    if facts.data.drawn == "curve":
        curves = list(zip(nearest, samples, strict=True))[:_CURVES]
        picture: dict[str, Any] = {"figure": figures.lines(curves, 3, name=name, label=label)}
        how = "Samples, blue, over the training row that is nearest to each."
    else:
        walks = [Walk("samples", samples), Walk("nearest of train", nearest)]
        picture = draw(facts.data, scale, walks, name=name, label=label)
        how = f"Samples above the training row that is nearest to each. {scale_words(facts.data, picture)}"
    rows = [
        (_DRAWN[which], "", [words.with_spread(found[which], name) for name in _CLOSENESS])
        for which in _DRAWN
        if which in found
    ]
    return Panel(
        "Drawn and remembered",
        f"{how.strip()} Memorised is the chance that a sample is nearer to train than a row of test is: about one half "
        "where nothing was copied.",
        picture,
        rivals=Rivals(
            f"Against {words.count(found['rows'])} rows of test, ± the standard deviation of three sets of as many "
            f"samples. The Fréchet distance is in {found['space']}.",
            list(_CLOSENESS.values()),
            rows,
        ),
    )
