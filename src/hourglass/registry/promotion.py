"""The gate: who is champion."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hourglass.data.dataset import Dataset
from hourglass.errors import HourglassError
from hourglass.evaluation.gate import Evidence, Gain, paired_gain
from hourglass.params import Params
from hourglass.project import Project
from hourglass.registry import consume, store, versions
from hourglass.registry.standing import Version
from hourglass.runtime import Model
from hourglass.runtime.errors import InputError

if TYPE_CHECKING:
    pass

_SMOKE_ROWS = 16


@dataclass(frozen=True)
class Verdict:
    """What the gate says of a version.

    Parameters
    ----------
    version : Version
    promote : bool
        Whether the alias is to move to it.
    sentence : str
        Why.
    """

    version: Version
    promote: bool
    sentence: str


def judge(project: Project, params: Params, version: Version) -> Verdict:
    """Hold a version against the champion, on selection, and note the verdict with the version.

    The same variant with the same settings must be no worse than ``registry.margin``; another must be better. Both with
    ``registry.confidence``.
    """
    client = store.connect(project)
    champion = versions.champion_number(client, version.name)
    if champion == version.number:
        return Verdict(version, False, f"version {champion} ({version.variant}) is the champion already")
    verdict = _judge(project, params, version, champion)
    with store.store_errors(store.uri(project)):
        client.set_model_version_tag(version.name, str(version.number), versions.VERDICT, verdict.sentence)
    return verdict


def move_champion(project: Project, name: str, number: int | None) -> int | None:
    """Point the alias ``champion`` to a version (None: to nothing) and give the number of the one before.

    The one before becomes ``previous_champion``.
    """
    client = store.connect(project)
    with store.store_errors(store.uri(project)):
        before = versions.champion_number(client, name)
        if number is None:
            client.delete_registered_model_alias(name, versions.CHAMPION)
        elif number != before:
            if before is not None:
                client.set_registered_model_alias(name, versions.PREVIOUS, str(before))
            client.set_registered_model_alias(name, versions.CHAMPION, str(number))
    return before


def smoke_test(project: Project, name: str) -> None:
    """Load the champion as consumers do, both ways, and score a few rows.

    Raises
    ------
    HourglassError
        It can't be loaded, can't score, or the two ways disagree.
    """
    import mlflow

    uri = f"models:/{name}@{versions.CHAMPION}"
    dataset = Dataset(project.dataset)
    rows = dataset.schema.decode(np.asarray(dataset.rows("selection").x[:_SMOKE_ROWS]))
    store.connect(project)
    try:
        served = mlflow.pyfunc.load_model(uri).predict(rows)["anomaly_score"].to_numpy()
        opened = Model(consume.fetch(uri, project)).score(rows)["anomaly_score"].to_numpy()
    except Exception as problem:
        raise HourglassError(f"{uri} can't score: {problem}") from problem
    if not (np.isfinite(served).all() and np.array_equal(served, opened)):
        raise HourglassError(f"{uri} gives other scores through MLflow than through hourglass.load; it is not served.")


def promote(project: Project, params: Params, version: Version) -> Verdict:
    """Judge a version and, where the gate opens, make it champion; a failed smoke test moves the alias back."""
    verdict = judge(project, params, version)
    if verdict.promote:
        before = move_champion(project, version.name, version.number)
        try:
            smoke_test(project, version.name)
        except BaseException:
            move_champion(project, version.name, before)
            raise
    return verdict


def _judge(project: Project, params: Params, version: Version, champion: int | None) -> Verdict:
    if champion is None:
        return Verdict(version, True, f"version {version.number} ({version.variant}) is the first champion")
    new = Model(consume.fetch(version.uri, project))
    try:
        old = Model(consume.fetch(f"models:/{version.name}/{champion}", project))
    except InputError as broken:
        return Verdict(version, True, f"the champion, version {champion}, can't be read ({broken}); it is replaced")
    if _columns(old.config["schema"]) != _columns(new.config["schema"]):
        return Verdict(
            version,
            False,
            f"version {version.number} takes other inputs than the champion, version {champion}, and is not promoted: "
            "give this data a name of its own (registry.name in params.yaml)",
        )
    return _decide(project, params, version, champion, old, new)


def _decide(project: Project, params: Params, version: Version, champion: int, old: Model, new: Model) -> Verdict:
    dataset = Dataset(project.dataset)
    same = all(old.config[key] == new.config[key] for key in ("variant", "settings"))
    gain = paired_gain(
        version.metric,
        Evidence.of(old, dataset, "selection"),
        Evidence.of(new, dataset, "selection"),
        dataset.is_anomaly(np.asarray(dataset.rows("selection").label)),
        confidence=params.registry.confidence,
        resamples=params.evaluate.bootstrap,
        seed=params.seed,
    )
    needed = -params.registry.margin if same else 0.0
    promoted = gain.low > needed
    return Verdict(version, promoted, _sentence(version, champion, gain, params, same=same, promoted=promoted))


def _sentence(version: Version, champion: int, gain: Gain, params: Params, *, same: bool, promoted: bool) -> str:
    rule = f"no worse than by {params.registry.margin:g}" if same else "better"
    kind = "the same variant must be" if same else "another variant or setting must be"
    outcome = "becomes champion" if promoted else f"is not promoted; version {champion} stays champion"
    return (
        f"version {version.number} ({version.variant}) {outcome}: {version.metric} on selection {gain.challenger:.4f} "
        f"against {gain.champion:.4f}, gain {gain.gain:+.4f} with lower {params.registry.confidence:.0%} bound "
        f"{gain.low:+.4f}; {kind} {rule}"
    )


def _columns(schema: dict[str, Any]) -> Any:
    """Tell what a consumer has to give: names and types, or the shape; categories may come and go."""
    if schema["kind"] == "table":
        return [(column["name"], column["type"]) for column in schema["columns"]]
    return schema["kind"], schema["raw_shape"]
