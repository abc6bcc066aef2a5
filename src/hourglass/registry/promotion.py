"""The gate: who is champion."""

from typing import TYPE_CHECKING, Any

from hourglass.errors import HourglassError
from hourglass.params import Params
from hourglass.project import Project
from hourglass.registry import store, versions
from hourglass.registry.standing import CHAMPION, PREVIOUS, Verdict, Version

if TYPE_CHECKING:
    from hourglass.evaluation.gate import Gain
    from hourglass.runtime import Model

_SMOKE_ROWS = 16


def judge(project: Project, params: Params, version: Version) -> Verdict:
    """Hold a version against the champion, on selection.

    The same variant with the same settings must be no worse than ``registry.margin``; another must be better. Both with
    ``registry.confidence``.

    Raises
    ------
    HourglassError
        The champion or the version can't be read, or the two can't be compared.
    """
    number = versions.champion_number(store.connect(project), version.name)
    if number is None:
        return Verdict(version, True, f"version {version.number} ({version.variant}) is the first champion")
    if number == version.number:
        return Verdict(version, False, f"version {version.number} ({version.variant}) is the champion already")
    champion = versions.find(project, version.name, number)
    old, new = (_open(project, one) for one in (champion, version))
    if _columns(old.config["schema"]) != _columns(new.config["schema"]):
        return Verdict(
            version,
            False,
            f"version {version.number} takes other inputs than the champion, version {number}, and is not promoted: "
            "give this data a name of its own (registry.name in params.yaml)",
        )
    return _decide(project, params, champion, version, old, new)


def record(project: Project, verdict: Verdict) -> None:
    """Note with a version what the gate said; that it is the champion already is no news."""
    client = store.connect(project)
    version = verdict.version
    if verdict.promote or versions.champion_number(client, version.name) != version.number:
        with store.store_errors(store.uri(project)):
            client.set_model_version_tag(version.name, str(version.number), versions.VERDICT, verdict.sentence)


def aliases(project: Project, name: str) -> dict[str, int | None]:
    """Give the versions that the aliases of a name point to."""
    client = store.connect(project)
    return {alias: versions.champion_number(client, name, alias) for alias in (CHAMPION, PREVIOUS)}


def move_aliases(project: Project, name: str, wanted: dict[str, int | None]) -> None:
    """Point aliases to versions (None: to nothing)."""
    client = store.connect(project)
    with store.store_errors(store.uri(project)):
        for alias, number in wanted.items():
            if number is None:
                client.delete_registered_model_alias(name, alias)
            else:
                client.set_registered_model_alias(name, alias, str(number))


def make_champion(project: Project, version: Version) -> None:
    """Move the alias ``champion`` to a version; the one before becomes ``previous_champion``."""
    before = aliases(project, version.name)[CHAMPION]
    wanted: dict[str, int | None] = {CHAMPION: version.number}
    if before is not None:
        wanted[PREVIOUS] = before
    move_aliases(project, version.name, wanted)


def smoke_test(project: Project, uri: str) -> None:
    """Load a model as consumers do, both ways, and score a few rows.

    Raises
    ------
    HourglassError
        It can't be loaded, can't score, or the two ways disagree.
    """
    import mlflow
    import numpy as np

    from hourglass.data.dataset import Dataset
    from hourglass.registry import consume
    from hourglass.runtime import Model

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
    """Judge a version and, where the gate opens and it passes its smoke test, make it champion.

    The test comes before the alias moves, so that no untested version is ever served, and again through the alias,
    whose failure moves the aliases back.
    """
    verdict = judge(project, params, version)
    if verdict.promote:
        smoke_test(project, version.uri)
        before = aliases(project, version.name)
        try:
            make_champion(project, version)
            smoke_test(project, f"models:/{version.name}@{CHAMPION}")
        except BaseException:
            move_aliases(project, version.name, before)
            raise
    record(project, verdict)
    return verdict


def _open(project: Project, version: Version) -> "Model":
    from hourglass.registry import consume
    from hourglass.runtime import InputError, Model

    try:
        return Model(consume.fetch(version.uri, project))
    except InputError as broken:
        raise HourglassError(
            f"{version.uri} can't be read, so nothing is promoted: {broken} If it is lost, take its alias away (its "
            "page in `mlflow ui`) and run `hourglass promote`."
        ) from broken


def _decide(
    project: Project, params: Params, champion: Version, version: Version, old: "Model", new: "Model"
) -> Verdict:
    import numpy as np

    from hourglass.data.dataset import Dataset
    from hourglass.evaluation.gate import Evidence, paired_gain

    dataset = Dataset(project.dataset)
    same = version.settings == champion.settings
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
    return Verdict(version, promoted, _sentence(version, champion.number, gain, params, same=same, promoted=promoted))


def _sentence(version: Version, champion: int, gain: "Gain", params: Params, *, same: bool, promoted: bool) -> str:
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
