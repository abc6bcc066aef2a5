"""What the report shows of a sweep: its best trials, how they came, and what each setting had to do with it."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from markupsafe import Markup

from hourglass.report import figures, words
from hourglass.report.facts import Swept
from hourglass.report.figures import Array
from hourglass.sweep.records import shown

#: Trials in the table, the best ones.
_TABLED = 10
_COURSE = "What trials came to, one after the other, and the best so far. Ticks: ended early, or failed."


def panel(swept: Swept) -> dict[str, Any]:
    """Draw a sweep."""
    return {
        "swept": swept,
        "metric": _metric(swept),
        "settings": sorted(swept.best.settings),
        "rows": [_row(swept, place) for place in range(min(_TABLED, len(swept.complete)))],
        "figures": [(_course(swept), _COURSE), *_slices(swept)],
    }


def _metric(swept: Swept) -> str:
    metric = swept.about.metric
    return f"{words.METRICS[metric]} on selection" if metric in words.METRICS else "objective on validation"


def _row(swept: Swept, place: int) -> dict[str, Any]:
    trial = swept.complete[place]
    values = [shown(trial.settings[name]) for name in sorted(trial.settings)]
    return {"trial": trial, "values": values}


def _course(swept: Swept) -> Markup:
    values = np.array([np.nan if trial.value is None else trial.value for trial in swept.trials])
    best = (np.fmax if swept.about.larger_is_better else np.fmin).accumulate(values)
    return figures.trials(
        values,
        best,
        name=f"{swept.about.variant}-sweep",
        label=f"{swept.about.variant}: {_metric(swept)} of {len(values)} trials and the best so far, at last "
        f"{words.number(best[-1])}",
        y_label=_metric(swept),
    )


def _slices(swept: Swept) -> Iterator[tuple[Markup, str]]:
    for place, (name, given) in enumerate(sorted(swept.about.space.items())):
        x, values, ticks = _points(swept, name, given)
        yield (
            figures.slices(
                x,
                values,
                ticks,
                logarithmic=isinstance(given, dict) and given.get("log", False),
                best=swept.complete[0].value or 0.0,
                name=f"{swept.about.variant}-sweep-{place}",
                label=f"{swept.about.variant}: {_metric(swept)} of {len(x)} trials over {name}",
                x_label=name,
                y_label=_metric(swept),
            ),
            f"Complete trials by {name}.",
        )


def _points(swept: Swept, name: str, given: Any) -> tuple[Array, Array, list[str] | None]:
    """Give the complete trials along a setting: where they lie, what they came to, and the names of places.

    The first trial's value may be none of those that are given: of numbers it is left out where it is none.
    """
    found = [(trial.settings[name], trial.value) for trial in swept.complete]
    if isinstance(given, dict):
        numbers = np.array([pair for pair in found if isinstance(pair[0], int | float)], np.float64).reshape(-1, 2)
        return numbers[:, 0], numbers[:, 1], None
    listed = [*given, *(value for value, _ in found if value not in given)]
    places = np.array([(listed.index(value), reached) for value, reached in found], np.float64)
    return places[:, 0], places[:, 1], [shown(value) for value in listed]
