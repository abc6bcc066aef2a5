"""``compare``: the variants side by side, ranked."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from hourglass.evaluation.compare import rank, summary
from hourglass.evaluation.maps import Map, maps
from hourglass.files import read_json, write_json
from hourglass.outputs import ARRAYS, EPOCHS, EVALUATION, LEADERBOARD, MAPS, METRICS, MODEL
from hourglass.params import Params
from hourglass.project import Project
from hourglass.stages.guard import run_guarded


def run(project: Project, params: Params) -> None:
    """Run the stage."""
    _drop_unlisted(project, params.variants)

    def read() -> dict[str, dict[str, Any]]:
        return {variant: _read(project, variant) for variant in params.variants}

    def work(inputs: dict[str, dict[str, Any]], folder: Path) -> None:
        leaderboard = rank({variant: entry["evaluation"] for variant, entry in inputs.items()}, params.select.metric)
        drawn = {variant: _maps(entry, params.seed) for variant, entry in inputs.items()}
        save_file(_named(drawn), folder / MAPS)
        numbers = {variant: {kind: one.numbers for kind, one in found.items()} for variant, found in drawn.items()}
        write_json(folder / LEADERBOARD, leaderboard.content() | {"maps": numbers})
        (folder / METRICS).mkdir()
        for variant, entry in inputs.items():
            write_json(folder / METRICS / f"{variant}.json", _summary(entry))
        _write_curves(folder, inputs)
        for place, variant in enumerate(leaderboard.ranking, 1):
            value = inputs[variant]["evaluation"]["selection"]["model"][leaderboard.metric]
            print(f"{place}. {variant}: {leaderboard.metric} {value:.4f} on selection")  # noqa: T201
        for variant, reasons in leaderboard.refused.items():
            print(f"-. {variant} is refused: {'; '.join(reasons)}")  # noqa: T201

    run_guarded(project, "compare", project.comparison, read=read, work=work)


def _drop_unlisted(project: Project, variants: list[str]) -> None:
    """Remove the outputs of variants that ``params.yaml`` lists no more; DVC's cache keeps them."""
    for stage in ("train", "package", "evaluate"):
        for path in (project.root / "work" / stage).glob("*"):
            if path.is_dir() and path.name not in variants:
                shutil.rmtree(path)
                project.inputs(f"{stage}@{path.name}").unlink(missing_ok=True)


def _read(project: Project, variant: str) -> dict[str, Any]:
    evaluated, trained = project.output("evaluate", variant), project.output("train", variant)
    arrays = load_file(evaluated / ARRAYS)
    return {
        "evaluation": read_json(evaluated / EVALUATION),
        "codes": arrays["map_z"],
        "label": arrays["map_label"],
        "courses": read_json(trained / MODEL)["courses"],
        "epochs": [json.loads(line) for line in (trained / EPOCHS).read_text(encoding="utf-8").splitlines()],
    }


def _summary(entry: dict[str, Any]) -> dict[str, Any]:
    return summary(entry["evaluation"], [entry["epochs"][course["best_epoch"] - 1] for course in entry["courses"]])


def _maps(entry: dict[str, Any], seed: int) -> dict[str, Map]:
    """Lay out the codes of a variant; one process for all, for UMAP compiles itself in each."""
    return maps(entry["codes"], entry["label"], seed=seed)


def _named(drawn: dict[str, dict[str, Map]]) -> dict[str, np.ndarray[Any, Any]]:
    """Name the arrays of all maps by variant, kind and part."""
    return {
        f"{variant}/{kind}/{part}": np.ascontiguousarray(getattr(one, part))
        for variant, found in drawn.items()
        for kind, one in found.items()
        for part in ("rows", "layout")
    }


def _write_curves(folder: Path, inputs: dict[str, dict[str, Any]]) -> None:
    """Write what `dvc plots` draws: a file for each variant and term, and its ROC curve."""
    for variant, entry in inputs.items():
        for name, curve in _curves(entry["epochs"]).items():
            _write_csv(folder / "curves" / f"{variant}_{name}.csv", curve)
        roc = entry["evaluation"].get("curves", {}).get("roc", ())
        _write_csv(folder / "roc" / f"{variant}.csv", [{"false_alarm_rate": x, "detection_rate": y} for x, y in roc])


def _curves(epochs: list[dict[str, Any]]) -> dict[str, list[dict[str, float]]]:
    """Give each term's rows: the epoch, and its mean on train, validation or both."""
    curves: dict[str, list[dict[str, float]]] = {}
    for record in epochs:
        for name in record["train"] | record["validation"]:
            splits = {split: record[split][name] for split in ("train", "validation") if name in record[split]}
            curves.setdefault(name, []).append({"epoch": record["epoch"]} | splits)
    return curves


def _write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    path.parent.mkdir(exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
