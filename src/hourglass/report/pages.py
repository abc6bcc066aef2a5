"""A page for each variant: what its code does, and what makes it that variant."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from hourglass.report import figures, measures, pictures, words
from hourglass.report.facts import Entry, Facts, Variant
from hourglass.report.panel import Panel
from hourglass.report.rivals import Rivals
from hourglass.report.walks import Walk, draw, scale_words

_ARRAYS = 6
_RIVALS = {
    "rows": "Noise as in training. Each filter's strength was chosen on rows of selection.",
    "sound": "Noise as strong as the sound (0 dB): white, or voices where training had these. The gate's strength was "
    "chosen on rows of selection.",
}


@dataclass(frozen=True)
class Page:
    """What is there of one variant."""

    variant: Variant
    entry: Entry
    panels: list[Panel]


def pages(facts: Facts) -> list[Page]:
    """Draw a page for each variant, in the order of the leaderboard."""
    scale = pictures.Scale.of(facts.data, facts.variants)
    entries = {entry.name: entry for entry in facts.leaderboard if entry.kind != "baseline"}
    return [Page(variant, entries[variant.name], list(_panels(facts, scale, variant))) for variant in facts.variants]


def _panels(facts: Facts, scale: pictures.Scale, variant: Variant) -> Iterator[Panel]:
    found = variant.evaluation["portrait"]
    if "traversals" in found:
        yield _traversals(facts, scale, variant, found["traversals"])
    if "interpolations" in found:
        yield _interpolations(facts, scale, variant, found["interpolations"])
    if "conditions" in found:
        yield _conditions(facts, scale, variant, found["conditions"])
    if "translation" in found:
        yield _translation(facts, scale, variant, found["translation"])
    if "denoising" in found:
        yield _denoising(facts, scale, variant, found["denoising"])
    if "codebook" in found:
        yield _codebook(variant, found["codebook"])
    if "sparsity" in found:
        yield from _sparsity(variant, found["sparsity"])
    if "prior" in found:
        yield _prior(variant, found["prior"])
    yield from measures.panels(facts, scale, variant)


def _traversals(facts: Facts, scale: pictures.Scale, variant: Variant, found: dict[str, Any]) -> Panel:
    by_kl = found["order"] == "kl"
    notes = [f"{value:.2f} nats" if by_kl else f"± {words.number(value)}" for value in found[found["order"]]]
    walks = [
        Walk(f"unit {unit}", rows, note=note)
        for unit, rows, note in zip(found["units"], variant.portrait["traversal_x"], notes, strict=True)
    ]
    label = f"{variant.name}: rows decoded along a latent unit"
    picture = draw(facts.data, scale, walks, name=f"{variant.name}-traversals", label=label, changes=True)
    which = f"The {len(walks)} of {variant.latent} units" if len(walks) < variant.latent else "The units"
    order = "with the largest KL" if by_kl else "that change the row most (root mean square, in the nets' units)"
    by = f"{which} {order}, in that order" if len(walks) < variant.latent else f"{which}, those {order} first"
    return Panel(
        "Along each unit",
        f"{by}. One unit goes from the 2 % to the 98 % quantile of its codes; the others stay as row {found['row']}, "
        f"the most typical, has them. {scale_words(facts.data, picture, changes=True)}A unit that changes nothing says "
        "nothing.",
        picture,
    )


def _interpolations(facts: Facts, scale: pictures.Scale, variant: Variant, found: dict[str, Any]) -> Panel:
    names = [_way(pair) for pair in found["rows"]]
    classes = [one.name for one in facts.data.classes]
    notes = [_way([classes[code] for code in pair]) if pair[0] != pair[1] else "" for pair in found["labels"]]
    rows, ends = (variant.portrait[f"interpolation_{name}"] for name in ("x", "ends"))
    walks = [Walk(*of) for of in zip(names, rows, ends, notes, strict=True)]
    label = f"{variant.name}: rows decoded on the way from one row to another"
    picture = draw(facts.data, scale, walks, name=f"{variant.name}-interpolations", label=label)
    return Panel(
        "From row to row",
        f"Straight lines between the codes of two rows of test, named by their numbers{' and classes' * any(notes)}; "
        "outermost the rows themselves. Good codes give rows that could be real all the way. "
        f"{scale_words(facts.data, picture)}",
        picture,
        [
            (
                f"Evenness of the steps of {found.get('pairs', len(rows))} ways, 1 is best",
                words.with_spread(found, "evenness"),
            ),
            ("Length of the ways, 1 is a cross-fade", words.with_spread(found, "detour")),
        ],
    )


def _conditions(facts: Facts, scale: pictures.Scale, variant: Variant, found: dict[str, Any]) -> Panel:
    walks = [Walk(value, rows) for value, rows in zip(found["values"], variant.portrait["condition_x"], strict=True)]
    label = f"{variant.name}: samples for a {found['column']}"
    picture = draw(facts.data, scale, walks, name=f"{variant.name}-conditions", label=label)
    more = f" The first {len(walks)} of {found['of']} values." if len(walks) < found["of"] else ""
    return Panel(
        "Made to order",
        f"Samples for each value of {found['column']}, the same noise under each: what goes from left to right is "
        f"everything else.{more} {scale_words(facts.data, picture)}",
        picture,
    )


def _translation(facts: Facts, scale: pictures.Scale, variant: Variant, found: dict[str, Any]) -> Panel:
    walks = [Walk(name, variant.portrait[f"translation_{name}"]) for name in ("made", "real")]
    label = f"{variant.name}: rows made from {found['known']}"
    picture = draw(facts.data, scale, walks, name=f"{variant.name}-translation", label=label)
    return Panel(
        "Translation",
        f"Rows of test made from their {found['known']} alone, and the real ones. {scale_words(facts.data, picture)}",
        picture,
        [
            ("Mean squared error", words.number(found["mse"])),
            ("That of the mean row", words.number(found["mean_mse"])),
        ],
        rivals=Rivals.of(
            found.get("rivals", []),
            "The same rows by simpler means; strengths are the best on selection, the map is fitted to training rows.",
        ),
    )


def _denoising(facts: Facts, scale: pictures.Scale, variant: Variant, found: dict[str, Any]) -> Panel:
    noisy, rebuilt, clean = (variant.portrait[f"denoising_{name}"] for name in ("noisy", "rebuilt", "clean"))
    label = f"{variant.name}: rows of test that were corrupted"
    if facts.data.drawn == "curve":
        curves = list(zip(noisy, clean, rebuilt, strict=True))[:_ARRAYS]
        picture: dict[str, Any] = {"figure": figures.lines(curves, 3, name=f"{variant.name}-denoising", label=label)}
        how = "Faint the corrupted row, broad and grey the clean one, blue what came back."
    else:
        walks = [Walk("corrupted", noisy), Walk("rebuilt", rebuilt), Walk("clean", clean)]
        picture = draw(facts.data, scale, walks, name=f"{variant.name}-denoising", label=label)
        how = "Each column is a row." if facts.data.drawn == "image" else scale_words(facts.data, picture)
    return Panel(
        "Denoising",
        f"Rows of test, corrupted as in training ({found['corruption'].replace('_', ' ')}) and given to the model. "
        f"{how}",
        picture,
        [("Mean squared error on clean rows", words.number(found["clean_mse"]))],
        found["levels"],
        Rivals.of(found.get("rivals", []), _RIVALS["sound" if facts.data.kind == "audio" else "rows"]),
    )


def _codebook(variant: Variant, found: dict[str, Any]) -> Panel:
    several = len(found["books"]) > 1
    numbers = []
    for place, book in enumerate(found["books"], 1):
        which = f", codebook {place}" if several else ""
        numbers += [
            (f"Perplexity{which}", f"{words.number(book['perplexity'])} of {found['entries']}"),
            (f"Entries that no row chose{which}", words.count(int(book["unused_entries"]))),
        ]
    bits = next((course.code for course in variant.courses if "prior_bits" in course.code), {})
    names = {"prior_bits": "the Transformer", "unigram_bits": "their frequencies", "uniform_bits": "chance"}
    numbers += [(f"Bits per place under {names[name]}", words.number(bits[name])) for name in names if name in bits]
    figure = figures.ranked(
        list(variant.portrait["codebook_usage"]),
        1 / found["entries"],
        name=f"{variant.name}-codebook",
        label=f"{variant.name}: share of the choices of each entry of the codebook, the largest first",
        x_label="entry, by its use",
        y_label="share of choices",
    )
    second = " Green: the second codebook, for what the first leaves over." if several else ""
    return Panel(
        "Use of the codebook",
        f"How often held-out rows choose each of {found['entries']} entries; a row has {found['places']} places. "
        f"Dotted: all equally often.{second} The Transformer has learned something where it needs fewer bits than "
        "the places' own frequencies.",
        {"figure": figure},
        numbers,
    )


def _sparsity(variant: Variant, found: dict[str, Any]) -> Iterator[Panel]:
    l0, rate = variant.portrait["sparsity_l0"], variant.portrait["sparsity_rate"]
    average = words.number(found["l0"])
    yield Panel(
        "Active units of a row",
        f"A unit is active where its code is {found['active_is']}. Held-out rows.",
        {
            "figure": figures.counts(
                l0,
                name=f"{variant.name}-l0",
                label=f"{variant.name}: distribution of the number of active units, {average} on average",
                x_label="active units",
            )
        },
        [("Active units of a row, on average (L0)", f"{average} of {variant.latent}")],
    )
    yield Panel(
        "Use of the units",
        "Share of held-out rows that activate each unit, the busiest first. Dotted: all units equally busy.",
        {
            "figure": figures.ranked(
                [rate],
                float(np.mean(rate)),
                name=f"{variant.name}-rates",
                label=f"{variant.name}: share of rows that activate each unit, {found['dead']} dead units",
                x_label="latent unit, by its use",
                y_label="share of rows",
            )
        },
        [("Dead units, which no row activates", f"{found['dead']} of {variant.latent}")],
    )


def _prior(variant: Variant, found: dict[str, Any]) -> Panel:
    figure: Markup = figures.quantiles(
        variant.portrait["prior_quantiles"],
        variant.portrait["code_quantiles"],
        name=f"{variant.name}-prior",
        label=f"{variant.name}: quantiles of each unit's codes against those of the prior",
    )
    p = found["p_value"]
    told = "could be draws of the prior" if p > 0.01 else "can be told from draws of the prior"
    return Panel(
        "Codes against the prior",
        "A line for each unit: on the dotted diagonal its codes are distributed as the prior that training pulls them "
        f"to. All units together: by a permutation test on {found['rows']} held-out rows the codes {told} (1 %).",
        {"figure": figure},
        [("MMD to the prior, squared", words.plain(found["mmd"])), ("p-value", f"{p:.3f}")],
    )


def _way(ends: list[Any]) -> str:
    return " \N{RIGHTWARDS ARROW} ".join(map(str, ends))
