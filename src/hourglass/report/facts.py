"""Everything that the report shows, read from the outputs of the stages: numbers, words and arrays, no HTML."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from ruamel.yaml import YAML
from safetensors.numpy import load_file

from hourglass import outputs
from hourglass.data.dataset import Dataset
from hourglass.errors import HourglassError
from hourglass.files import digest, read_json
from hourglass.params import SPLITS, Params
from hourglass.project import Project
from hourglass.registry.provenance import Provenance
from hourglass.registry.standing import Standing, Version
from hourglass.runtime.normaliser import Normaliser
from hourglass.runtime.schema import TableSchema

#: What each split is for.
PURPOSES = {
    "train": "fits the nets, the normaliser and PCA",
    "validation": "decides early stopping",
    "calibration": "sets the alarm threshold",
    "selection": "ranks the variants and decides promotion",
    "test": "is reported and chooses nothing",
}

#: The kinds of example rows, all of test: title, and what they are.
EXAMPLES = {
    "typical": ("Typical normal rows", "the first normal rows of test"),
    "anomalous": ("Anomalies", "the first anomalies of test"),
    "worst": ("Worst rebuilt normal rows", "the normal rows of test with the highest scores"),
    "best": ("Best rebuilt normal rows", "the normal rows of test with the lowest scores"),
}

#: The metrics in the leaderboard and the alarms that have an interval.
_INTERVALS = ("auroc", "average_precision", "relative_error")


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, metrics: dict[str, float], name: str) -> "Estimate | None":
        """Read a metric of the evaluation; None where it wasn't measured, as AUROC without labels."""
        if name not in metrics:
            return None
        return cls(metrics[name], metrics[f"{name}_low"], metrics[f"{name}_high"])


@dataclass(frozen=True)
class Entry:
    """A row of the leaderboard.

    Parameters
    ----------
    kind : str
        A refused variant and a baseline have no rank.
    name : str
    rank : int or None
    latent : int
        Width of the code; of PCA its number of components.
    about : str
        What it is, where the name alone doesn't say.
    notes : tuple of str
        Why a variant is refused.
    select : Estimate
        The metric that ranks, on selection.
    auroc, average_precision : Estimate or None
        On test; None without labels.
    relative_error : Estimate
        On test.
    change : float or None
        Of the metric that ranks, against the previous tracked run.
    """

    kind: Literal["ranked", "refused", "baseline"]
    name: str
    rank: int | None
    latent: int
    about: str
    notes: tuple[str, ...]
    select: Estimate
    auroc: Estimate | None
    average_precision: Estimate | None
    relative_error: Estimate
    change: float | None = None


@dataclass(frozen=True)
class Alarm:
    """The promised false-alarm rate of a variant, and what test says of it.

    Parameters
    ----------
    variant : str
    alpha : float
        Promised share of normal rows that raise an alarm.
    nominal : bool
        Whether the promise rests on rows that nobody knows to be normal.
    threshold : float
    seen : Estimate
        Share of the normal rows of test that raised an alarm.
    normal_rows : int
    detected : Estimate or None
        Share of the anomalies of test that raised an alarm.
    anomalies : int
    """

    variant: str
    alpha: float
    nominal: bool
    threshold: float
    seen: Estimate
    normal_rows: int
    detected: Estimate | None
    anomalies: int

    @property
    def holds(self) -> bool:
        """Whether what was seen is compatible with the promise."""
        return self.seen.low <= self.alpha


@dataclass(frozen=True)
class Example:
    """A row of test beside its reconstruction, both in the nets' units and the row's shape there."""

    row: int
    label: str
    score: float
    x: NDArray[np.float32]
    x_hat: NDArray[np.float32]


@dataclass(frozen=True)
class LatentMap:
    """Codes of held-out rows laid out in the plane.

    Parameters
    ----------
    layout : ndarray of shape (rows, 2)
    label : ndarray of shape (rows,)
        Class codes, -1 where unlabelled.
    trustworthiness : float
    """

    layout: NDArray[np.float32]
    label: NDArray[np.int64]
    trustworthiness: float


@dataclass(frozen=True)
class Variant:
    """What the stages found of one variant.

    Parameters
    ----------
    name : str
    refused : bool
    evaluation : dict
        The content of ``evaluation.json``.
    model : dict
        The content of ``model.json``: settings, parameters, progress, fingerprint, seed.
    epochs : list of dict
        A record for each epoch.
    examples : dict of str to list of Example
        By the keys of `EXAMPLES`.
    samples : ndarray of shape (rows, *shape)
        New rows in the nets' units.
    sampled_from : str
        What their codes were drawn from, in words.
    scores : ndarray of shape (rows,)
        Of test.
    anomaly : ndarray of bool, shape (rows,)
        Of test.
    latent_map : LatentMap
    loop : dict
        The settings of the training loop that params.yaml named.
    keys : dict of str to str
        Stage to the hash of what its output was made from.
    """

    name: str
    refused: bool
    evaluation: dict[str, Any]
    model: dict[str, Any]
    epochs: list[dict[str, Any]]
    examples: dict[str, list[Example]]
    samples: NDArray[np.float32]
    sampled_from: str
    scores: NDArray[np.float64]
    anomaly: NDArray[np.bool_]
    latent_map: LatentMap
    loop: dict[str, Any]
    keys: dict[str, str]

    @property
    def latent(self) -> int:
        """Width of the code."""
        return int(self.evaluation["latent"])

    @property
    def terms(self) -> list[str]:
        """Names of the loss's terms, the reconstruction first."""
        return sorted(self.epochs[0]["validation"], key=lambda name: (name != "reconstruction", name))


@dataclass(frozen=True)
class Class:
    """A class of the label, and its rows in each of `SPLITS`."""

    name: str
    anomalous: bool
    rows: tuple[int, ...]


@dataclass(frozen=True)
class Data:
    """What the models were made from.

    Parameters
    ----------
    source, kind : str
    label : str or None
    shape : tuple of int
        Of a row in the nets.
    features : list of str
        Names of a table's numbers; empty for images and arrays.
    dtype : str
    counts : dict of str to dict
        Split to its ``rows`` and ``anomalies``.
    classes : tuple of Class
        Empty without labels.
    normaliser : Normaliser
    normalise : str
        The setting that it was fitted by.
    dropped, duplicates : dict of str to int
    statistics : list of dict
        Of the normal training rows, in the data's units.
    version : dict
        DVC's ``md5``, ``size`` and ``nfiles`` of the snapshot; empty where it isn't versioned.
    """

    source: str
    kind: str
    label: str | None
    shape: tuple[int, ...]
    features: list[str]
    dtype: str
    counts: dict[str, dict[str, int]]
    classes: tuple[Class, ...]
    normaliser: Normaliser
    normalise: str
    dropped: dict[str, int]
    duplicates: dict[str, int]
    statistics: list[dict[str, Any]]
    version: dict[str, Any]

    @property
    def labelled(self) -> bool:
        """Whether rows have classes."""
        return bool(self.classes)

    @property
    def rows(self) -> int:
        """Rows in all splits."""
        return sum(count["rows"] for count in self.counts.values())


@dataclass(frozen=True)
class Facts:
    """The whole report.

    Parameters
    ----------
    name : str
        What models of this data are registered as.
    metric : str
        What ranks the variants, on selection.
    larger_is_better : bool
    leaderboard : tuple of Entry
        Ranked variants, refused ones, baselines.
    alarms : tuple of Alarm
    variants : tuple of Variant
        In the order of the leaderboard.
    data : Data
    standing : Standing or None
        None where nothing is known of the registry.
    provenance : Provenance
    keys : dict of str to str
        Of the stages that are there once.
    """

    name: str
    metric: str
    larger_is_better: bool
    leaderboard: tuple[Entry, ...]
    alarms: tuple[Alarm, ...]
    variants: tuple[Variant, ...]
    data: Data
    standing: Standing | None
    provenance: Provenance
    keys: dict[str, str]

    @property
    def winner(self) -> Entry | None:
        """The first of the ranked; None where every variant was refused."""
        return next((entry for entry in self.leaderboard if entry.rank == 1), None)


def collect(project: Project, params: Params, standing: Standing | None) -> Facts:
    """Read the outputs of all stages.

    Raises
    ------
    HourglassError
        An output is missing.
    """
    board = read_json(project.comparison / outputs.LEADERBOARD)
    dataset = Dataset(project.dataset)
    layouts = _arrays(project.comparison / outputs.MAPS)
    variants = tuple(
        _variant(project, dataset, name, board, layouts[name]) for name in (*board["ranking"], *board["refused"])
    )
    return Facts(
        name=params.registry.name,
        metric=board["metric"],
        larger_is_better=board["larger_is_better"],
        leaderboard=tuple(_leaderboard(variants, board, standing)),
        alarms=tuple(_alarm(variant) for variant in variants),
        variants=variants,
        data=data_of(project, dataset, params),
        standing=standing,
        provenance=Provenance.of(project.root),
        keys=_keys(project, ("ingest", "compare")),
    )


def numbers(facts: Facts) -> dict[str, Any]:
    """Give the numbers of the report as JSON."""
    data = facts.data
    return {
        "name": facts.name,
        "metric": facts.metric,
        "larger_is_better": facts.larger_is_better,
        "leaderboard": [asdict(entry) for entry in facts.leaderboard],
        "alarms": [asdict(alarm) | {"holds": alarm.holds} for alarm in facts.alarms],
        "variants": {variant.name: _variant_numbers(variant) for variant in facts.variants},
        "data": {
            "source": data.source,
            "kind": data.kind,
            "shape": list(data.shape),
            "counts": data.counts,
            "classes": [asdict(one) for one in data.classes],
            "dropped": data.dropped,
            "duplicates": data.duplicates,
            "version": data.version,
        },
        "standing": _standing_numbers(facts.standing),
        "commit": facts.provenance.commit,
        "dirty": list(facts.provenance.dirty),
        "keys": facts.keys,
    }


def _variant_numbers(variant: Variant) -> dict[str, Any]:
    measured = {name: value for name, value in variant.evaluation.items() if name != "curves"}
    return {
        "evaluation": measured,
        "model": variant.model,
        "trustworthiness": variant.latent_map.trustworthiness,
        "keys": variant.keys,
    }


def _standing_numbers(standing: Standing | None) -> dict[str, Any] | None:
    if standing is None:
        return None

    def of(version: Version | None) -> dict[str, Any] | None:
        return (
            asdict(version) | {"created": version.created.isoformat(), "split": version.split.model_dump()}
            if version
            else None
        )

    return {
        "champion": of(standing.champion),
        "newest": of(standing.newest),
        "verdict": standing.verdict,
        "previous": standing.previous,
    }


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
    for latent in sorted({variant.latent for variant in variants}):
        first = next(variant for variant in variants if variant.latent == latent)
        yield _entry(
            first, "pca", metric, kind="baseline", name="PCA", about=f"{latent} components", rank=None, notes=()
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
        nominal=found["nominal"],
        threshold=found["threshold"],
        seen=seen,
        normal_rows=int((~variant.anomaly).sum()),
        detected=Estimate.of(test, "detection_rate"),
        anomalies=int(variant.anomaly.sum()),
    )


def _variant(
    project: Project, dataset: Dataset, name: str, board: dict[str, Any], layout: NDArray[np.float32]
) -> Variant:
    evaluated, trained = project.output("evaluate", name), project.output("train", name)
    arrays = _arrays(evaluated / outputs.ARRAYS)
    lines = _there(trained / outputs.EPOCHS).read_text(encoding="utf-8").splitlines()
    return Variant(
        name=name,
        refused=name in board["refused"],
        evaluation=read_json(evaluated / outputs.EVALUATION),
        model=read_json(trained / outputs.MODEL),
        epochs=[json.loads(line) for line in lines],
        examples=_examples(dataset, arrays),
        samples=arrays["sample_x"],
        sampled_from=_sampled_from(project.output("package", name)),
        scores=arrays["test_score"],
        anomaly=dataset.is_anomaly(arrays["test_label"]),
        latent_map=LatentMap(layout, arrays["map_label"], board["trustworthiness"][name]),
        loop=read_json(project.inputs(f"train@{name}"))["params"].get("train", {}),
        keys=_keys(project, tuple(f"{stage}@{name}" for stage in ("train", "package", "evaluate"))),
    )


def _examples(dataset: Dataset, arrays: dict[str, NDArray[Any]]) -> dict[str, list[Example]]:
    """Take the examples apart: they lie one kind after the other."""
    found: dict[str, list[Example]] = {}
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
            )
            for offset, place in enumerate(places)
        ]
        start += len(places)
    return found


def class_name(classes: list[str], code: int) -> str:
    """Name a class by its code; an unlabelled row has none."""
    return classes[code] if code >= 0 else ""


def _sampled_from(package: Path) -> str:
    files = [package / f"prior_{part}.npy" for part in ("mean", "factor")]
    mean, factor = (np.load(_there(file), allow_pickle=False) for file in files)
    if not mean.any() and np.array_equal(factor, np.eye(len(mean))):
        return "the prior that training pulls codes towards, N(0, 1) in each unit"
    return "a Gaussian fitted to the codes of the training rows, for this variant has no prior of its own"


def data_of(project: Project, dataset: Dataset, params: Params) -> Data:
    """Describe the data that ``ingest`` made."""
    info, schema = dataset.info, dataset.schema
    return Data(
        source=params.data.source,
        kind=info["schema"]["kind"],
        label=params.data.label,
        shape=tuple(info["shape"]),
        features=schema.features if isinstance(schema, TableSchema) else [],
        dtype=info["dtype"],
        counts={split: info["counts"][split] for split in SPLITS},
        classes=tuple(_classes(dataset)),
        normaliser=dataset.normaliser,
        normalise=params.data.normalise,
        dropped=info["dropped"],
        duplicates=info["duplicates"],
        statistics=info["statistics"],
        version=data_version(project),
    )


def _classes(dataset: Dataset) -> Iterator[Class]:
    labels = [np.asarray(dataset.rows(split).label) for split in SPLITS]
    for code, name in enumerate(dataset.info["classes"]):
        rows = tuple(int((label == code).sum()) for label in labels)
        yield Class(name, name in dataset.info["anomalous"], rows)


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
