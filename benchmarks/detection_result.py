"""Sum up and draw what `anomaly.py` measured."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

AROUND = "ours less it in AUROC (95 % over tables)"
_RESAMPLES = 10_000
_MEASURES = ("auroc", "ap")


def summarise(runs: list[dict[str, Any]], ours: str) -> dict[str, Any]:
    """Average over seeds, then over tasks; hold each detector against ours on the tasks that both did.

    Intervals are percentiles of the mean paired difference under resampling of tasks (Efron & Tibshirani 1993): what
    another choice of tables might have given.

    Returns
    -------
    dict
        ``tasks``: by task and detector the means over seeds; ``detectors``: by name the means over tasks, and
        ``ours_less``, the mean difference of each measure with its interval; ``failed``, what couldn't be measured.
    """
    by: dict[str, dict[str, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for run in runs:
        if "failed" not in run:
            by[run["task"]][run["detector"]].append(run)
    tasks = {
        task: {
            name: {measure: float(np.mean([run[measure] for run in of])) for measure in _MEASURES}
            for name, of in sorted(found.items(), key=lambda item: item[0] != ours)
        }
        for task, found in sorted(by.items())
    }
    names = list(dict.fromkeys(name for found in tasks.values() for name in found))
    detectors = {name: _means(tasks, name) | _beside(tasks, name, ours) for name in names}
    failed = [{key: run[key] for key in ("task", "seed", "detector", "failed")} for run in runs if "failed" in run]
    return {"tasks": tasks, "detectors": detectors, "failed": failed}


def _means(tasks: dict[str, Any], name: str) -> dict[str, Any]:
    done = [found[name] for found in tasks.values() if name in found]
    means = {measure: float(np.mean([of[measure] for of in done])) for measure in _MEASURES}
    return means | {"worst_auroc": min(of["auroc"] for of in done), "tasks": len(done)}


def _beside(tasks: dict[str, Any], name: str, ours: str) -> dict[str, Any]:
    both = [(found[ours], found[name]) for found in tasks.values() if name in found and ours in found]
    if name == ours or not both:
        return {}
    less = {measure: np.array([mine[measure] - their[measure] for mine, their in both]) for measure in _MEASURES}
    picks = np.random.default_rng(0).integers(0, len(both), (_RESAMPLES, len(both)))
    found: dict[str, Any] = {
        measure: [float(of.mean()), *np.quantile(of[picks].mean(1), [0.025, 0.975]).tolist()]
        for measure, of in less.items()
    }
    found |= {"ahead": int((less["auroc"] > 0).sum()), "tasks": len(both)}
    found["behind_on"] = [task for task, of in tasks.items() if name in of and of[ours]["auroc"] <= of[name]["auroc"]]
    return {"ours_less": found}


def draw(result: dict[str, Any], path: Path) -> None:
    """Draw AUROC and AP of each task, a mark for each detector, and the means above."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "anomaly"
    from matplotlib import pyplot as plt

    rows = [("mean", result["detectors"]), *result["tasks"].items()]
    size = (9, 1.4 + 0.28 * len(rows))
    figure, panels = plt.subplots(1, 2, figsize=size, sharey=True, layout="constrained")
    for panel, measure, title in zip(panels, _MEASURES, ("AUROC", "Average precision"), strict=True):
        for number, name in reversed(list(enumerate(result["detectors"]))):
            at = [(of[name][measure], -place) for place, (_, of) in enumerate(rows) if name in of]
            mark = {"marker": "D", "s": 46, "color": "black"} if number == 0 else {"marker": "o", "s": 22, "alpha": 0.8}
            panel.scatter(*zip(*at, strict=True), label=name, zorder=3 - number / 100, **mark)
        panel.set(title=title, yticks=[-place for place in range(len(rows))])
        panel.set_yticklabels([name for name, _ in rows])
        panel.grid(axis="y", linewidth=0.4)
        panel.axhline(-0.5, color="grey", linewidth=0.6)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles[::-1], labels[::-1], loc="outside lower center", ncols=5, frameon=False, fontsize="small")
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
