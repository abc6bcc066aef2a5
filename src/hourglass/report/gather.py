"""Gather the facts of a report from the outputs of the stages."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from ruamel.yaml import YAML
from safetensors.numpy import load_file

from hourglass import outputs
from hourglass.data.dataset import Dataset
from hourglass.data.params import SPLITS
from hourglass.errors import HourglassError
from hourglass.files import digest, read_json
from hourglass.params import Params
from hourglass.project import Project
from hourglass.registry.provenance import Provenance
from hourglass.registry.standing import Standing
from hourglass.report.facts import (
    EXAMPLES,
    MAP_WORDS,
    Alarm,
    Class,
    Data,
    Entry,
    Estimate,
    Example,
    Facts,
    LatentMap,
    Sample,
    Swept,
    Variant,
)
from hourglass.runtime.table import TableSchema
from hourglass.sweep.records import best, latest

#: The metrics in the leaderboard and the alarms that have an interval.
_INTERVALS = ("auroc", "average_precision", "relative_error")

#: What stands beside examples that are images.
_OF_IMAGES = ("map", "mask")

#: Starts of the names of arrays that aren't part of the portrait.
_OTHERS = ("example_", "map_", "sample_", "test_")


def collect(project: Project, params: Params, standing: Standing | None) -> Facts:
    """Read the outputs of all stages.

    Raises
    ------
    HourglassError
        An output is missing.
    """
    board = read_json(project.comparison / outputs.LEADERBOARD)
    dataset = Dataset(project.dataset)
    drawn = _arrays(project.comparison / outputs.MAPS)
    variants = tuple(_variant(project, dataset, name, board, drawn) for name in (*board["ranking"], *board["refused"]))
    return Facts(
        name=params.registry.name,
        metric=board["metric"],
        larger_is_better=board["larger_is_better"],
        leaderboard=tuple(_leaderboard(variants, board, standing)),
        alarms=tuple(_alarm(variant) for variant in variants),
        variants=variants,
        data=data_of(project, dataset, params),
        sample=_sample(dataset),
        sweeps=tuple(sweeps(project, [variant.name for variant in variants])),
        standing=standing,
        provenance=Provenance.of(project.root),
        keys=_keys(project, ("ingest", "compare")),
    )


def sweeps(project: Project, variants: Iterable[str]) -> Iterator[Swept]:
    """Read the last sweep of each variant on the data that it was trained on; one where all failed is left out."""
    for variant in variants:
        found = latest(project, variant, read_json(project.inputs(f"train@{variant}"))["deps"]["work/dataset"])
        if found is not None:
            about, trials = found.about, found.trials
            leader = best(trials, larger_is_better=about.larger_is_better)
            if leader is not None:
                yield Swept(found.folder.name, about, trials, leader)


def _leaderboard(variants: tuple[Variant, ...], board: dict[str, Any], standing: Standing | None) -> Iterator[Entry]:
    previous = standing.previous if standing is not None else {}
    metric = board["metric"]
    for variant in variants:
        refused = board["refused"].get(variant.name)
        before = previous.get(variant.name, {}).get(f"selection.{metric}")
        now = variant.evaluation["selection"]["model"][metric]
        yield _entry(
            variant,
            "model",
            metric,
            kind="refused" if refused else "ranked",
            name=variant.name,
            about=f"{variant.latent} latent",
            rank=None if refused else board["ranking"].index(variant.name) + 1,
            notes=tuple(refused or ()),
            change=None if before is None else now - before,
        )
    for width in sorted({variant.pca_components for variant in variants}):
        first = next(variant for variant in variants if variant.pca_components == width)
        yield _entry(
            first, "pca", metric, kind="baseline", name="PCA", about=f"{width} components", rank=None, notes=()
        )
    best = variants[0]
    about = f"{best.name} before training"
    yield _entry(best, "untrained", metric, kind="baseline", name="Untrained", about=about, rank=None, notes=())


def _entry(variant: Variant, whose: str, metric: str, **fields: Any) -> Entry:
    selection, test = variant.evaluation["selection"][whose], variant.evaluation["test"][whose]
    measured = {name: Estimate.of(test, name) for name in _INTERVALS}
    return Entry(latent=variant.latent, select=Estimate.of(selection, metric), **measured, **fields)  # type: ignore[arg-type]


def _alarm(variant: Variant) -> Alarm:
    found = variant.evaluation
    test = found["test"]["model"]
    seen = Estimate(*(test[f"false_alarm_rate{end}"] for end in ("", "_low", "_high")))
    return Alarm(
        variant=variant.name,
        alpha=found["alpha"],
        calibrated_on=found["calibrated_on"],
        nominal=found["nominal"],
        threshold=found["threshold"],
        seen=seen,
        normal_rows=int((~variant.anomaly).sum()),
        detected=Estimate.of(test, "detection_rate"),
        anomalies=int(variant.anomaly.sum()),
    )


def _variant(
    project: Project, dataset: Dataset, name: str, board: dict[str, Any], drawn: dict[str, NDArray[Any]]
) -> Variant:
    evaluated, trained = project.output("evaluate", name), project.output("train", name)
    arrays = _arrays(evaluated / outputs.ARRAYS)
    packaged = read_json(_there(project.output("package", name) / "config.json"))
    lines = _there(trained / outputs.EPOCHS).read_text(encoding="utf-8").splitlines()
    return Variant(
        name=name,
        refused=name in board["refused"],
        evaluation=read_json(evaluated / outputs.EVALUATION),
        model=read_json(trained / outputs.MODEL),
        epochs=[json.loads(line) for line in lines],
        examples=_examples(dataset, arrays),
        samples=arrays["sample_x"],
        sampled_from=packaged["sampled_from"],
        score=packaged.get("score", "mse"),
        scores=arrays["test_score"],
        anomaly=dataset.is_anomaly(arrays["test_label"]),
        latent_maps=tuple(
            LatentMap(
                kind,
                drawn[f"{name}/{kind}/layout"],
                arrays["map_label"][drawn[f"{name}/{kind}/rows"]],
                board["maps"][name][kind],
            )
            for kind in MAP_WORDS
            if kind in board["maps"][name]
        ),
        portrait={part: values for part, values in arrays.items() if not part.startswith(_OTHERS)},
        loop=read_json(project.inputs(f"train@{name}"))["params"].get("train", {}),
        keys=_keys(project, tuple(f"{stage}@{name}" for stage in ("train", "package", "evaluate"))),
    )


def _examples(dataset: Dataset, arrays: dict[str, NDArray[Any]]) -> dict[str, list[Example]]:
    """Take the examples apart: they lie one kind after the other."""
    found: dict[str, list[Example]] = {}
    there = [name for name in _OF_IMAGES if f"example_{name}" in arrays]
    start = 0
    for kind in EXAMPLES:
        places = arrays[f"example_{kind}"]
        found[kind] = [
            Example(
                row=int(arrays["test_index"][place]),
                label=class_name(dataset.info["classes"], arrays["test_label"][place]),
                score=float(arrays["test_score"][place]),
                x=arrays["example_x"][start + offset],
                x_hat=arrays["example_x_hat"][start + offset],
                **{name: arrays[f"example_{name}"][start + offset] for name in there},
            )
            for offset, place in enumerate(places)
        ]
        start += len(places)
    return found


def class_name(classes: list[str], code: int) -> str:
    """Name a class by its code; an unlabelled row has none."""
    return classes[code] if code >= 0 else ""


def data_of(project: Project, dataset: Dataset, params: Params) -> Data:
    """Describe the data that ``ingest`` made."""
    info, schema = dataset.info, dataset.schema
    overview = read_json(_there(dataset.folder / outputs.OVERVIEW))
    return Data(
        source=params.data.source,
        kind=info["schema"]["kind"],
        label=params.data.label,
        shape=tuple(info["shape"]),
        features=schema.features if isinstance(schema, TableSchema) else [],
        categories=[c for c in schema.columns if c.type == "category"] if isinstance(schema, TableSchema) else [],
        dtype=info["dtype"],
        counts={split: info["counts"][split] for split in SPLITS},
        classes=tuple(
            Class(name, name in info["anomalous"], tuple(overview["classes"][name][split] for split in SPLITS))
            for name in info["classes"]
        ),
        normaliser=dataset.normaliser,
        normalise=params.data.normalise,
        dropped=info["dropped"],
        duplicates=info["duplicates"],
        statistics=info["statistics"],
        overview=overview,
        version=data_version(project),
    )


def _sample(dataset: Dataset) -> Sample:
    found = _arrays(dataset.folder / outputs.SAMPLE)
    schema = dataset.schema
    return Sample(
        x=found["x"],
        table=schema.decode(found["x"]) if isinstance(schema, TableSchema) else None,
        label=[class_name(dataset.info["classes"], code) for code in found["label"]],
        split=[SPLITS[place] for place in found["split"]],
        index=found["index"],
        anomaly=found["anomaly"],
    )


def data_version(project: Project) -> dict[str, Any]:
    """Read DVC's version of the snapshot; empty where there is none."""
    path = project.root / "data.dvc"
    if not path.exists():
        return {}
    entry = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))["outs"][0]
    return {name: entry[name] for name in ("md5", "size", "nfiles") if name in entry}


def _keys(project: Project, stages: tuple[str, ...]) -> dict[str, str]:
    """Name what each output was made from by the hash that its MLflow run has."""
    return {stage: digest(read_json(project.inputs(stage)))[:32] for stage in stages if project.inputs(stage).exists()}


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = load_file(_there(path))
    return arrays


def _there(path: Path) -> Path:
    if not path.exists():
        raise HourglassError(f"{path} is missing; run `hourglass run` (or `dvc repro`) to make it.")
    return path
