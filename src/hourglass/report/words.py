"""Numbers and findings in words."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup

from hourglass.report.facts import Alarm, Data, Entry, Estimate, Facts
from hourglass.runtime.normaliser import LogCurve, Normaliser

_DASH, _TIMES, _MINUS = "\N{EN DASH}", "\N{MULTIPLICATION SIGN}", "\N{MINUS SIGN}"

#: Letters of a list of names, and of each of them, at most.
_LIST, _NAME = 240, 60

#: From here on numbers of the data are written with a power of ten.
_HUGE = 1e9

#: How the metrics that rank are written: at the head of a column, and in a sentence.
HEADS = {"auroc": "AUROC", "relative_error": "Error / PCA's"}
METRICS = {"auroc": "AUROC", "relative_error": "squared error relative to PCA"}

#: What the anomaly scores are, in the nets' units.
SCORES = {
    "mse": "mean squared error of a row's reconstruction",
    "whitened": "squared Mahalanobis distance of a row's residual from those of training rows",
    "latent": "squared Mahalanobis distance of a row's code from those of training rows",
    "gaussian": "squared Mahalanobis distance of a row's code and residual from those of training rows",
    "neighbours": "mean squared distance of a row's code and residual to those of the two nearest prototypes",
    "memory": "mean squared distance of a row, its code and its residual to those of the two nearest prototypes",
    "elbo": "negative ELBO at the posterior's mean, in nats, less what an exact reconstruction costs",
    "iwae": "negative importance-weighted bound of 16 draws, in nats, less what an exact reconstruction costs",
    "blend": "geometric mean of the scores memory and gaussian",
}

#: Why a promise is nominal, by what it rests on.
NOMINAL = {
    "clean": "windows of a series and pieces of a recording overlap and are no independent rows",
    "contaminated": "the calibration rows are known to hold anomalies",
    "unlabelled": "the rows are unlabelled and calibration may hold anomalies",
}


def number(value: float) -> str:
    """Write a number with three decimals, or three significant digits where it is large or tiny."""
    size = abs(value)
    if size < 10 and (size >= 1e-3 or size == 0):
        text = f"{value:.3f}"
    elif 10 <= size < 1e6:
        text = f"{value:,.1f}" if size < 100 else f"{value:,.0f}"
    else:
        text = f"{value:.2e}"
    return text.replace("-", _MINUS)


def plain(value: float) -> str:
    """Write a number of the data with four significant digits; with a power of ten only where it is huge or tiny."""
    text = f"{value:.4g}"
    if "e+" in text and abs(value) < _HUGE:
        text = f"{float(text):,.0f}"
    return text.replace("-", _MINUS)


def value(number: float, of: dict[str, Any]) -> str:
    """Write a number of the data, or the time that it stands for; one that no calendar has as seconds since 1970."""
    if of.get("type") != "time":
        return plain(number)
    try:
        return datetime.fromtimestamp(number, UTC).strftime("%Y-%m-%d %H:%M")
    except (OverflowError, ValueError):  # a net may rebuild a time as any number
        return f"{plain(number)} s"


def times(of: dict[str, Any]) -> list[str]:
    """Write the first and the last of each column of times, to the minute, the earliest column first."""
    ordered = sorted(of.items(), key=lambda one: (isinstance(one[1][0], str), one[1][0]))
    written = [(name, *(_moment(end) for end in ends)) for name, ends in ordered]
    return [f"{f'{name} ' if len(of) > 1 else ''}{first} to {last}" for name, first, last in written]


def _moment(time: str | float) -> str:
    """Write a time, which may be a number of steps."""
    return time[:16].replace("T", " ") if isinstance(time, str) else plain(time)


def spread(deviation: float, of: dict[str, Any]) -> str:
    """Write a deviation of the data; that of times in days."""
    return f"{plain(deviation / 86_400)} days" if of.get("type") == "time" else plain(deviation)


def with_spread(found: Mapping[str, float], name: str, written: Callable[[float], str] = number) -> str:
    """Give a number with its standard deviation, where it has one; nothing where it is missing."""
    if name not in found:
        return ""
    deviation = f" ± {written(found[f'{name}_sd'])}" if f"{name}_sd" in found else ""
    return written(found[name]) + deviation


def percent(value: float) -> str:
    """Write a share as a percentage with one decimal."""
    return f"{100 * value:.1f}\u00a0%"


def signed(value: float) -> str:
    """Write a difference with its sign."""
    return f"{round(value, 3) + 0.0:+.3f}".replace("-", _MINUS)


def hundredths(value: float) -> str:
    """Write a number with two decimals; what is nearly 0 has no sign."""
    return f"{round(value, 2) + 0.0:.2f}".replace("-", _MINUS)


def interval(estimate: Estimate) -> str:
    """Write the interval of a number."""
    return f"{number(estimate.low)}{_DASH}{number(estimate.high)}"


def percent_interval(estimate: Estimate) -> str:
    """Write the interval of a share."""
    return f"{100 * estimate.low:.1f}{_DASH}{percent(estimate.high)}"


def decibels(value: float) -> str:
    """Write a level with one decimal."""
    return f"{round(value, 1) + 0.0:.1f}".replace("-", _MINUS)


def gain(value: float) -> str:
    """Write a difference of levels with its sign and one decimal."""
    return f"{round(value, 1) + 0.0:+.1f}".replace("-", _MINUS)


def share(value: float) -> str:
    """Write what is at most 1 with three decimals."""
    return f"{round(value, 3) + 0.0:.3f}".replace("-", _MINUS)


def shortened(text: str, letters: int) -> str:
    """Leave the middle out of a text that is too long: names that begin alike often end otherwise."""
    if len(text) <= letters:
        return text
    last = (letters - 1) // 2
    return f"{text[: letters - 1 - last].rstrip()}\N{HORIZONTAL ELLIPSIS}{text[len(text) - last :].lstrip()}"


def listed(names: Sequence[str]) -> str:
    """List names as far as there is room, and say how many more there are."""
    short = [shortened(name, _NAME) for name in names]
    shown = [name for place, name in enumerate(short) if len(", ".join(short[: place + 1])) <= _LIST]
    more = len(names) - len(shown)
    return f"{', '.join(shown)} and {count(more)} more" if more else ", ".join(shown)


def count(value: int) -> str:
    """Write a whole number with thousands apart."""
    return f"{value:,}"


def shape(data: Data) -> str:
    """Say what a row is."""
    if data.kind == "table":
        return f"{count(data.shape[0])} numbers a row"
    if data.kind == "image":
        channels, height, width = data.shape
        return f"images of {height} {_TIMES} {width} pixels" + (f", {channels} channels" if channels > 1 else "")
    if data.kind == "signal":
        channels, points = data.shape
        return f"windows of {count(points)} points" + (f", {count(channels)} channels" if channels > 1 else "")
    if data.kind == "audio":
        bands, length = data.shape
        return (
            f"pieces of {count(length)} samples"
            if bands == 1
            else f"spectra of {count(bands)} bands {_TIMES} {length} frames"
        )
    return "arrays of " + f" {_TIMES} ".join(count(size) for size in data.shape)


def duplicates(data: Data) -> str:
    """Say how often a row repeats another, and where."""
    found = {name: count(value) for name, value in data.duplicates.items()}
    return (
        f"{found['rows']} rows repeat another; {found['straddling_splits']} values stand in several splits, "
        f"{found['normal_and_anomalous']} are both normal and anomalous"
    )


def normaliser(data: Data) -> str:
    """Say how rows are brought into the nets' units."""
    how = data.normalise
    if how == "auto":
        plain = data.normaliser.offset.ndim == 0 and float(data.normaliser.scale) == 1
        how = "minmax" if data.kind == "image" else "none" if data.kind == "audio" and plain else "standard"
    meaning = {
        "standard": "(x - mean) / standard deviation",
        "minmax": "(x - smallest) / range",
        "none": "as it is",
    }[how]
    if data.normaliser.offset.ndim or how == "none":
        apart = "" if how == "none" else f", for each {'channel' if data.kind == 'signal' else 'feature'} apart"
        return f"{how}: {meaning}{apart}{treated_otherwise(data.normaliser)}"
    offset, scale = float(data.normaliser.offset), float(data.normaliser.scale)
    return f"{how}: {meaning} over all entries, here (x - {offset:g}) / {scale:g}"


def categories(data: Data) -> Iterator[dict[str, Any]]:
    """Give every category with its values and their shares of the normal training rows, the most frequent first."""
    shares = {one["name"]: one["mean"] for one in data.statistics}
    for column in data.categories:
        values = [(value, shares[f"{column.name}={value}"]) for value in column.values]
        yield {"name": column.name, "values": sorted(values, key=lambda one: -one[1])}


def treated_otherwise(normaliser: Normaliser) -> str:
    """Say how many columns of a table are bent or filled."""
    logs = sum(isinstance(curve, LogCurve) for curve in normaliser.curves.values())
    told = {
        "after a logarithm": logs,
        "by their quantiles": len(normaliser.curves) - logs,
        "with their gaps filled": len(normaliser.fill),
    }
    return "".join(f"; {count(columns)} of them {how}" for how, columns in told.items() if columns)


def headline(facts: Facts) -> str:
    """Say in a sentence which model serves and how it stands."""
    leads = _leader(facts)
    if facts.standing is None:
        return f"Of the registry nothing is known: no store was reached, or nothing was registered yet. {leads}"
    champion = facts.standing.champion
    if champion is None:
        return f"{facts.name} has no champion yet. {leads}"
    return f"{champion.name} version {champion.number} ({champion.variant}) is champion; {_stands(facts)}"


def registered(facts: Facts) -> str:
    """Say what the registry's newest version is, and what its gate said."""
    if facts.standing is None or facts.standing.newest is None:
        return ""
    newest, champion = facts.standing.newest, facts.standing.champion
    is_champion = champion is not None and champion.number == newest.number
    what = f"version {newest.number}" if is_champion else f"the newest, version {newest.number} ({newest.variant})"
    said = facts.standing.verdict.strip() or "nothing yet."
    return f"The gate said of {what}: {said}"


def _leader(facts: Facts) -> str:
    winner = facts.winner
    if winner is None:
        return "In this run every variant was refused."
    pca = next(entry for entry in facts.leaderboard if entry.name == "PCA")
    better = (pca.select.value > winner.select.value) == facts.larger_is_better and pca.select != winner.select
    baseline = f", but PCA does better: {number(pca.select.value)}" if better else ""
    return f"In this run {winner.name} leads with {_measured(facts, winner)}{baseline}."


def _stands(facts: Facts) -> str:
    champion = facts.standing.champion if facts.standing else None
    name = champion.variant if champion else ""
    entry = next((entry for entry in facts.leaderboard if entry.name == name and entry.kind != "baseline"), None)
    if entry is None:
        return f"its variant is not part of this run. {_leader(facts)}"
    if entry.rank is None:
        return f"its variant was refused in this run. {_leader(facts)}"
    ranked = sum(entry.kind == "ranked" for entry in facts.leaderboard)
    stands = f"its variant ranks {entry.rank} of {ranked} in this run with {_measured(facts, entry)}."
    return stands if entry.rank == 1 else f"{stands} {_leader(facts)}"


def _measured(facts: Facts, entry: Entry) -> str:
    article = "an" if facts.metric == "auroc" else "a"
    value = f"{number(entry.select.value)} on selection (95\u00a0%: {interval(entry.select)})"
    return f"{article} {METRICS[facts.metric]} of {value}"


def promise(alarm: Alarm) -> str:
    """Say whether the promised false-alarm rate holds."""
    if not alarm.holds:
        return "broken: more than promised, even at the low end of the interval"
    if alarm.seen.high < alarm.alpha:
        return "holds: fewer than promised, even at the high end of the interval"
    return "holds: the promised rate lies in the interval"


def basis(alarm: Alarm) -> Markup:
    """Say what the promise rests on."""
    if not alarm.nominal:
        return Markup("; calibrated on clean rows")
    why = NOMINAL[alarm.calibrated_on]
    return Markup("; <strong>nominal</strong>, for {}").format(why)


def promise_of_all(alarms: Sequence[Alarm]) -> str:
    """Say it of all variants at once where the same is true of several; else nothing."""
    said = {promise(alarm) for alarm in alarms}
    return said.pop() if len(said) == 1 and len(alarms) > 2 else ""
