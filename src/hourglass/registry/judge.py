"""The gate: whether a version may become champion."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hourglass.errors import HourglassError
from hourglass.params import Params
from hourglass.project import Project
from hourglass.registry import history, store, versions
from hourglass.registry.standing import CHAMPION, PREVIOUS, Verdict, Version

if TYPE_CHECKING:
    from hourglass.evaluation.gate import Gain
    from hourglass.runtime import Model


def judge(project: Project, params: Params, version: Version, *, by: str = history.FLOW) -> Verdict:
    """Hold a version against the champion, on selection.

    The same variant with the same settings must be no worse than ``registry.margin``; another must be better. Both with
    ``registry.confidence``. Whatever its rival, a version with a fault (`hourglass.evaluation.guards`) is refused, and
    one that was rolled back is, unless somebody asks for it by hand. One that was trained under another split than the
    present may know rows of selection: as challenger it is refused; as champion it is compared, which is careful.

    Raises
    ------
    HourglassError
        The champion or the version can't be read, or the two can't be compared.
    """
    client = store.connect(project)
    with store.store_errors(store.uri(project)):
        champion = history.aliases(client, version.name)[CHAMPION]
        known = history.changes(client, version.name)
    if champion == version.number:
        return Verdict(version, False, f"{version.title} is the champion already")
    taken_down = history.taken_down(known).get(version.number)
    if taken_down is not None and by != history.HAND:
        return Verdict(
            version,
            False,
            f"{version.title} is not promoted by itself: on {taken_down.time:%Y-%m-%d %H:%M} UTC it was taken down "
            f"({taken_down.reason}); `hourglass promote {version.number}` asks the gate again",
        )
    from hourglass.data.dataset import Dataset
    from hourglass.evaluation import gate

    model = _open(project, version)
    faults = gate.faults(model, Dataset(project.dataset))
    if faults:
        return Verdict(version, False, f"{version.title} is not promoted: {'; '.join(faults)}")
    if champion is None:
        return _without_champion(project, params, version, model, history.champions(known), by)
    return _against(project, params, versions.find(project, version.name, champion), version, model)


def _without_champion(
    project: Project, params: Params, version: Version, model: "Model", before: list[int], by: str
) -> Verdict:
    """Judge where the alias is missing: against the last version that held it, where there still is one."""
    if not before:
        return Verdict(version, True, f"{version.title} is the first champion")
    there = {entry.number: entry.version for entry in versions.listing(project, version.name) if entry.version}
    last = next((there[number] for number in before if number in there and there[number].passed), None)
    gone = f"the alias {CHAMPION} was gone"
    if last is None:
        return Verdict(version, True, f"{version.title} becomes champion: {gone}, and no earlier champion is left")
    if last.number == version.number:
        return Verdict(version, True, f"{version.title} is champion again: {gone}")
    try:
        found = _against(project, params, last, version, model)
    except HourglassError as unreadable:
        if by != history.HAND:
            raise
        return Verdict(version, True, f"{version.title} becomes champion unopposed: {gone}, and {unreadable}")
    note = f"{gone}, so version {last.number}, the last to have it, stood for the champion"
    remedy = "" if found.promote else f"; `hourglass promote {last.number}` gives it the alias back"
    return Verdict(version, found.promote, f"{found.sentence}; {note}{remedy}")


def _against(project: Project, params: Params, champion: Version, version: Version, model: "Model") -> Verdict:
    moved = _moved_split(version, params)
    if moved:
        return Verdict(
            version,
            False,
            f"{version.title} is not promoted: it was trained under another split ({moved}) and may know rows of the "
            "present selection; `hourglass run` trains one under the present split",
        )
    old = _open_champion(project, champion)
    if _columns(old.config["schema"]) != _columns(model.config["schema"]):
        return Verdict(
            version,
            False,
            f"{version.title} takes other inputs than the champion, version {champion.number}, and is not promoted: "
            "give this data a name of its own (registry.name in params.yaml)",
        )
    rule = _Rule.of(params, same=version.settings == champion.settings)
    gain = _gain(project, params, version.metric, old, model, rule.confidence)
    promoted = gain.low > -rule.margin
    sentence = _sentence(version, champion.number, gain, rule, promoted=promoted)
    moved = _moved_split(champion, params)
    if moved:
        sentence += f"; version {champion.number} was trained under another split ({moved}), which favours it"
    return Verdict(version, promoted, sentence)


def _moved_split(version: Version, params: Params) -> str:
    """Say in what a version's split differs from the present one; empty where it doesn't."""
    then, now = version.split.model_dump(), params.split.model_dump()
    return ", ".join(f"split.{key} {then[key]} instead of {now[key]}" for key in now if then[key] != now[key])


def _open(project: Project, version: Version) -> "Model":
    from hourglass.registry import consume
    from hourglass.runtime import InputError, Model

    try:
        return Model(consume.fetch(version.uri, project))
    except InputError as broken:
        raise HourglassError(f"{version.uri} can't be read: {broken}") from broken


def _open_champion(project: Project, champion: Version) -> "Model":
    try:
        return _open(project, champion)
    except HourglassError as broken:
        client = store.connect(project)
        previous = history.aliases(client, champion.name)[PREVIOUS]
        back = f"`hourglass rollback` goes back to version {previous}" if previous else "There is no previous champion"
        raise HourglassError(
            f"the champion's files are damaged or gone, so nothing is promoted: {broken} Restore them from a backup. "
            f"{back}; or take its alias away (its page in `mlflow ui`) and run `hourglass promote`."
        ) from broken


@dataclass(frozen=True)
class _Rule:
    """How sure one must be that a challenger isn't worse than by a margin."""

    words: str
    margin: float
    confidence: float

    @classmethod
    def of(cls, params: Params, *, same: bool) -> "_Rule":
        if same:
            margin = params.registry.margin
            return cls(f"the same variant must be no worse than by {margin:g}", margin, params.registry.confidence)
        # the best of several is tried on the rows that it was chosen on: Bonferroni
        rivals = len(params.variants)
        words = "another variant or setting must be better" + (f", as the best of {rivals}" if rivals > 1 else "")
        return cls(words, 0.0, 1 - (1 - params.registry.confidence) / rivals)


def _gain(
    project: Project, params: Params, metric: str, champion: "Model", challenger: "Model", confidence: float
) -> "Gain":
    from hourglass.data.dataset import Dataset
    from hourglass.evaluation.gate import Evidence, paired_gain

    dataset = Dataset(project.dataset)
    return paired_gain(
        metric,
        Evidence.of(champion, dataset, "selection"),
        Evidence.of(challenger, dataset, "selection"),
        dataset.is_anomaly(dataset.labels("selection")),
        confidence=confidence,
        resamples=params.evaluate.bootstrap,
        seed=params.seed,
    )


def _sentence(version: Version, champion: int, gain: "Gain", rule: _Rule, *, promoted: bool) -> str:
    outcome = "becomes champion" if promoted else f"is not promoted; version {champion} stays champion"
    return (
        f"{version.title} {outcome}: {version.metric} on selection {gain.challenger:.4f} "
        f"against {gain.champion:.4f}, gain {gain.gain:+.4f} with lower {100 * rule.confidence:.3g}% bound "
        f"{gain.low:+.4f}; {rule.words}"
    )


def _columns(schema: dict[str, Any]) -> Any:
    """Tell what a consumer has to give: names and types, or the shape, of windows also the period.

    Categories may come and go.
    """
    if schema["kind"] == "table":
        return [(column["name"], column["type"]) for column in schema["columns"]]
    if schema["kind"] == "signal":
        return schema["kind"], schema["columns"], schema["window"], schema["period"]
    return schema["kind"], schema["raw_shape"], schema.get("rate"), schema.get("form")
