"""Who is champion: promotions, ways back, and what a kill left half done.

A change of the aliases is noted as intended, the verdict is written to its version, the aliases move, the champion
scores through its alias, and the change is recorded. Whoever comes next completes what was cut off, so the alias only
ever points to a version that passed the gate and its smoke test, and the history holds what happened.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from hourglass.errors import HourglassError
from hourglass.locks import locked
from hourglass.params import Params
from hourglass.project import Project
from hourglass.registry import history, store, versions
from hourglass.registry.bytecode import no_bytecode
from hourglass.registry.judge import judge
from hourglass.registry.standing import CHAMPION, PREVIOUS, Verdict, Version

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from hourglass.runtime import Model

_SMOKE_ROWS = 16


@contextmanager
def deciding(project: Project, name: str) -> Iterator[None]:
    """Keep others from judging and moving aliases meanwhile, and complete first what a kill has cut off.

    Raises
    ------
    HourglassError
        The version that was being promoted fails its smoke test; it is taken back.
    """
    with locked(project, f"the aliases of {name}"), store.store_errors(store.uri(project)):
        client = store.connect(project)
        _complete_interrupted(project, client, name)
        history.notice(client, name)
        yield


def promote(project: Project, params: Params, version: Version) -> Verdict:
    """Judge a version by hand and, where the gate opens and it passes its smoke test, make it champion.

    The test comes before the alias moves, so that no untested version is ever served, and again through the alias,
    whose failure moves the aliases back.
    """
    with deciding(project, version.name):
        verdict = judge(project, params, version, by=history.HAND)
        if verdict.promote:
            smoke_test(project, version.uri)
            make_champion(project, verdict, by=history.HAND)
            _test_champion(project, version.name)
            complete(project, version.name)
        else:
            refuse(project, verdict)
    return verdict


def rollback(project: Project, name: str, reason: str) -> str:
    """Make the previous champion champion again; the one that it replaces isn't promoted by itself any more.

    Parameters
    ----------
    project : Project
    name : str
    reason : str
        May be empty.

    Returns
    -------
    str
        What was done, a sentence.

    Raises
    ------
    HourglassError
        There is no previous champion, or it never passed the gate, or it fails its smoke test.
    """
    with deciding(project, name):
        client = store.connect(project)
        now = history.aliases(client, name)
        target = _way_back(project, name, now)
        smoke_test(project, target.uri)
        why = f": {reason}" if reason else ""
        replaced = f" in place of version {now[CHAMPION]}" if now[CHAMPION] else ""
        sentence = f"rolled back by hand{why}; {target.title}, which passed the gate before, is champion{replaced}"
        earlier = history.previous(history.changes(client, name), target.number)
        there = {entry.number for entry in versions.listing(project, name)}
        after = {CHAMPION: target.number, PREVIOUS: earlier if earlier in there else None}
        _begin(client, name, after, kind=history.ROLLED_BACK, reason=sentence, by=history.HAND)
        _test_champion(project, name)
        complete(project, name)
    return sentence


def refuse(project: Project, verdict: Verdict) -> None:
    """Note with a version why it isn't promoted; that it is the champion already is no news."""
    client = store.connect(project)
    version = verdict.version
    if history.aliases(client, version.name)[CHAMPION] != version.number:
        versions.note(client, version.name, version.number, verdict.sentence, passed=version.passed)


def make_champion(project: Project, verdict: Verdict, *, by: str) -> None:
    """Move the alias ``champion`` to a version that passed; the one before becomes ``previous_champion``.

    The caller tests the champion and calls `complete` or `take_back`.
    """
    client = store.connect(project)
    version = verdict.version
    replaced = history.aliases(client, version.name)[CHAMPION]
    after: history.Aliases = {CHAMPION: version.number}
    if replaced is not None:
        after[PREVIOUS] = replaced
    _begin(client, version.name, after, kind=history.PROMOTED, reason=verdict.sentence, by=by)


def complete(project: Project, name: str) -> None:
    """Record the change that was made."""
    client = store.connect(project)
    change = history.pending(client, name)
    if change is not None:
        history.record(client, name, change)
        history.forget(client, name)


def take_back(project: Project, name: str, reason: str) -> None:
    """Undo the change that was made and isn't complete; both aliases go where they were."""
    client = store.connect(project)
    change = history.pending(client, name)
    if change is None:
        return
    history.record(client, name, change)
    reason = f"version {change.after[CHAMPION]} was taken back, its smoke test as champion failed: {reason}"
    _begin(client, name, change.before, kind=history.TAKEN_BACK, reason=reason, by=change.by)
    complete(project, name)


def smoke_test(project: Project, uri: str) -> None:
    """Load a model as consumers do, both ways, and score a few rows.

    Raises
    ------
    HourglassError
        It can't be loaded, can't score, or the two ways disagree.
    """
    import mlflow
    import numpy as np

    from hourglass.registry import consume
    from hourglass.runtime import Model

    store.connect(project)
    try:
        opened = Model(consume.fetch(uri, project))
        rows = _smoke_rows(project, opened)
        scored = opened.score(rows)["anomaly_score"].to_numpy()
        with no_bytecode():
            served = mlflow.pyfunc.load_model(uri).predict(_as_served(rows, opened))["anomaly_score"].to_numpy()
    except Exception as problem:
        raise HourglassError(f"{uri} can't score: {problem}") from problem
    if not (np.isfinite(served).all() and np.array_equal(served, scored)):
        raise HourglassError(f"{uri} gives other scores through MLflow than through hourglass.load; it is not served.")


def _smoke_rows(project: Project, model: "Model") -> Any:
    """Give rows of selection; where no data set is at hand, rows of the model's own."""
    from hourglass.data.dataset import Dataset

    if not project.dataset.is_dir():
        rows, told = model.sample(_SMOKE_ROWS), model.conditioning
        return told.beside(rows, told.usual(_SMOKE_ROWS)) if told else rows
    dataset = Dataset(project.dataset)
    return dataset.as_given(dataset.read("selection", 0, min(_SMOKE_ROWS, dataset.count("selection"))))


def _as_served(rows: Any, model: "Model") -> Any:
    """Give rows in the form that MLflow takes: windows as readings, columns that it knows, several arrays as a dict."""
    import numpy as np

    from hourglass.runtime.schema import names_of

    if model.readings is not None:
        names = names_of(rows)
        return model.readings.laid_out(np.concatenate([rows[name] for name in names], axis=2) if names else rows)
    told = model.conditioning
    if hasattr(rows, "columns"):  # a table's may be some that others are told
        taken = versions.signature(model.config).inputs.input_names()
        return rows[[name for name in rows if name in taken]]
    return {name: rows[name] for name in names_of(rows)} or rows if told and not told.of_label else rows


def _test_champion(project: Project, name: str) -> None:
    try:
        smoke_test(project, f"models:/{name}@{CHAMPION}")
    except BaseException as problem:
        take_back(project, name, str(problem))
        raise


def _way_back(project: Project, name: str, now: history.Aliases) -> Version:
    number = now[PREVIOUS]
    if number is None:
        raise HourglassError(
            f"{name} has no {PREVIOUS} to go back to; `hourglass models` lists its versions, and "
            "`hourglass promote N` holds one against the gate."
        )
    target = versions.find(project, name, number)
    if not target.passed:
        raise HourglassError(
            f"{target.title} never passed the gate, so nothing is rolled back; `hourglass promote {number}` asks it."
        )
    return target


def _begin(client: "MlflowClient", name: str, after: history.Aliases, *, kind: str, reason: str, by: str) -> None:
    _carry_out(client, name, history.intend(client, name, after, kind=kind, reason=reason, by=by))


def _carry_out(client: "MlflowClient", name: str, change: history.Change) -> None:
    """Write the verdict and move the aliases, in the order in which a champion always has passed; again is no harm."""
    champion, replaced = change.after[CHAMPION], change.before[CHAMPION]
    if change.kind != history.TAKEN_BACK and champion is not None:
        versions.note(client, name, champion, change.reason, passed=True)
    history.make(client, name, change)
    if change.kind == history.TAKEN_BACK and replaced is not None:
        versions.note(client, name, replaced, change.reason, passed=False)


def _complete_interrupted(project: Project, client: "MlflowClient", name: str) -> None:
    change = history.pending(client, name)
    if change is None:
        return
    there = {entry.number for entry in versions.listing(project, name)}
    now, wanted = history.aliases(client, name), {number for number in change.after.values() if number is not None}
    if not wanted <= there or now[CHAMPION] not in (change.before[CHAMPION], change.after[CHAMPION]):
        history.forget(client, name)  # somebody has deleted the version or moved the alias since
        return
    _carry_out(client, name, change)
    if change.kind != history.TAKEN_BACK:
        _test_champion(project, name)
    complete(project, name)
