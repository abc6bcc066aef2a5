"""Every move of an alias, in tags of the registered name: MLflow itself forgets where an alias pointed before.

Both aliases move together, in one change. It is noted as intended before they move and recorded after, so that whoever
comes next after a kill can complete it (`pending`). A move made elsewhere is only recorded (`notice`). Call what writes
under one lock.
"""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hourglass.project import Project
from hourglass.registry import store
from hourglass.registry.standing import CHAMPION, PREVIOUS

if TYPE_CHECKING:
    from mlflow import MlflowClient

#: Why aliases move: the gate opened, somebody went back, a smoke test failed, or it was done outside of Hourglass.
PROMOTED, ROLLED_BACK, TAKEN_BACK, OUTSIDE = "promoted", "rolled back", "taken back", "outside"
#: Who moves them.
FLOW, HAND = "flow", "hand"

_INTENT, _RECORD = "hourglass.move.pending", "hourglass.move.{:06d}"
#: Databases keep 5,000 characters of a tag, and JSON may write two for one.
_REASON = 2000

Aliases = dict[str, int | None]


@dataclass(frozen=True)
class Move:
    """One alias, moved.

    Parameters
    ----------
    time : datetime
        In UTC.
    alias : str
        ``champion`` or ``previous_champion``.
    before, after : int or None
        The versions that it pointed to; None: to nothing.
    kind : str
        ``promoted``, ``rolled back``, ``taken back`` (its smoke test failed) or ``outside`` (in MLflow itself; the time
        is when it was seen).
    reason : str
        A sentence.
    by : str
        ``flow`` or ``hand``.
    """

    time: datetime
    alias: str
    before: int | None
    after: int | None
    kind: str
    reason: str
    by: str

    def content(self) -> dict[str, Any]:
        """Describe it as JSON."""
        return {
            "time": self.time.isoformat(),
            "alias": self.alias,
            "from": self.before,
            "to": self.after,
            "kind": self.kind,
            "reason": self.reason,
            "by": self.by,
        }


@dataclass(frozen=True)
class Change:
    """Both aliases, moved together.

    Parameters
    ----------
    number : int
        From 1, in order.
    time : datetime
        In UTC.
    kind, reason, by : str
        As in `Move`.
    before, after : dict of str to int or None
        By alias.
    """

    number: int
    time: datetime
    kind: str
    reason: str
    by: str
    before: Aliases
    after: Aliases

    def moves(self) -> list[Move]:
        """Give the moves of single aliases; one that stayed isn't among them."""
        return [
            Move(self.time, alias, self.before[alias], self.after[alias], self.kind, self.reason, self.by)
            for alias in (CHAMPION, PREVIOUS)
            if self.before[alias] != self.after[alias]
        ]

    def text(self) -> str:
        """Write it as JSON."""
        return json.dumps(asdict(self) | {"time": self.time.isoformat()}, ensure_ascii=False)

    @classmethod
    def read(cls, text: str) -> "Change":
        """Read what `text` gave."""
        content = json.loads(text)
        return cls(**content | {"time": datetime.fromisoformat(content["time"])})


def moves(project: Project, name: str) -> list[Move]:
    """Give all recorded moves of a registered name's aliases, oldest first."""
    client = store.connect(project)
    with store.store_errors(store.uri(project)):
        return [move for change in changes(client, name) for move in change.moves()]


def changes(client: "MlflowClient", name: str) -> list[Change]:
    """Give all recorded changes, oldest first."""
    prefix = _RECORD.partition("{")[0]
    found = _registered(client, name)[0]
    return [
        Change.read(found[key])
        for key in sorted(found)
        if key.startswith(prefix) and key.removeprefix(prefix).isdigit()
    ]


def aliases(client: "MlflowClient", name: str) -> Aliases:
    """Give the versions that the aliases point to now."""
    found = _registered(client, name)[1]
    return {alias: int(found[alias]) if alias in found else None for alias in (CHAMPION, PREVIOUS)}


def taken_down(known: list[Change]) -> dict[int, Change]:
    """Give the versions that somebody replaced by hand, with the change that did; not those promoted since."""
    found: dict[int, Change] = {}
    for change in known:
        before, after = change.before[CHAMPION], change.after[CHAMPION]
        if after is not None:
            found.pop(after, None)
        if change.kind in {ROLLED_BACK, OUTSIDE} and before is not None and after not in {before, None}:
            found[before] = change
    return found


def champions(known: list[Change]) -> list[int]:
    """Give the versions that have been champion, the last one first, each once."""
    held = [change.after[CHAMPION] for change in known] + [change.before[CHAMPION] for change in known[:1]]
    return list(dict.fromkeys(number for number in reversed(held) if number is not None))


def previous(known: list[Change], number: int) -> int | None:
    """Give the previous champion of the time when a version became champion."""
    found = [change.after[PREVIOUS] for change in known if change.after[CHAMPION] == number and change.kind == PROMOTED]
    return found[-1] if found else None


def pending(client: "MlflowClient", name: str) -> Change | None:
    """Give the change that was intended and not recorded; its maker was killed."""
    text = _registered(client, name)[0].get(_INTENT)
    return None if text is None else Change.read(text)


def intend(client: "MlflowClient", name: str, after: Aliases, *, kind: str, reason: str, by: str) -> Change:
    """Note a change before it is made; the aliases that `after` doesn't name stay."""
    before = aliases(client, name)
    change = _change(changes(client, name), before, before | after, kind=kind, reason=reason, by=by)
    client.set_registered_model_tag(name, _INTENT, change.text())
    return change


def make(client: "MlflowClient", name: str, change: Change) -> None:
    """Move the aliases, the one that consumers load last; again changes nothing."""
    for alias in (PREVIOUS, CHAMPION):
        number = change.after[alias]
        if number is None:
            client.delete_registered_model_alias(name, alias)
        else:
            client.set_registered_model_alias(name, alias, str(number))


def record(client: "MlflowClient", name: str, change: Change) -> None:
    """Write a change that was made into the history; again changes nothing."""
    client.set_registered_model_tag(name, _RECORD.format(change.number), change.text())


def forget(client: "MlflowClient", name: str) -> None:
    """Drop what was intended: it is recorded, or shall not be."""
    if pending(client, name) is not None:
        client.delete_registered_model_tag(name, _INTENT)


def notice(client: "MlflowClient", name: str) -> None:
    """Record what was done to the aliases outside of Hourglass since the last change; there is nothing to complete."""
    now = aliases(client, name)
    known = changes(client, name)
    before = known[-1].after if known else dict.fromkeys(now)
    if now == before:
        return
    reason = "moved outside of Hourglass, or before it kept a history; seen now"
    record(client, name, _change(known, before, now, kind=OUTSIDE, reason=reason, by=HAND))


def _change(known: list[Change], before: Aliases, after: Aliases, *, kind: str, reason: str, by: str) -> Change:
    return Change(
        number=known[-1].number + 1 if known else 1,
        time=datetime.now(UTC).replace(microsecond=0),
        kind=kind,
        reason=" ".join(reason.split())[:_REASON],
        by=by,
        before=before,
        after=after,
    )


def _registered(client: "MlflowClient", name: str) -> tuple[dict[str, str], dict[str, str]]:
    """Give the tags and the aliases of a name; nothing where it isn't registered yet."""
    from mlflow.exceptions import MlflowException

    try:
        found = client.get_registered_model(name)
    except MlflowException as absent:
        if absent.error_code == "RESOURCE_DOES_NOT_EXIST":
            return {}, {}
        raise
    return found.tags, found.aliases
