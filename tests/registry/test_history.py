"""The history of the aliases, in a real store."""

from itertools import count

import pytest

from hourglass.registry import history
from hourglass.registry.standing import CHAMPION, PREVIOUS

_NAMES = (f"name{number}" for number in count())


@pytest.fixture
def name(client):
    """A registered name of its own for each test, with three versions."""
    name = next(_NAMES)
    client.create_registered_model(name)
    for _ in range(3):
        client.create_model_version(name, "file:///nowhere")
    return name


def promote(client, name, number, reason="the gate opened"):
    after = {CHAMPION: number, PREVIOUS: history.aliases(client, name)[CHAMPION]}
    change = history.intend(client, name, after, kind=history.PROMOTED, reason=reason, by=history.FLOW)
    history.make(client, name, change)
    history.record(client, name, change)
    history.forget(client, name)
    return change


def told(project, name):
    return [(move.alias, move.before, move.after, move.reason) for move in history.moves(project, name)]


def test_name_that_nobody_registered_has_no_history(project):
    assert history.moves(project, "nobody") == []


def test_every_move_of_an_alias_is_kept_in_order_with_its_reason(project, client, name):
    promote(client, name, 1, "first")
    promote(client, name, 3, "better")
    assert told(project, name) == [
        (CHAMPION, None, 1, "first"),
        (CHAMPION, 1, 3, "better"),
        (PREVIOUS, None, 1, "better"),
    ]
    assert history.aliases(client, name) == {CHAMPION: 3, PREVIOUS: 1}


def test_move_as_json_says_who_when_and_why(project, client, name):
    promote(client, name, 2)
    (move,) = history.moves(project, name)
    content = move.content()
    assert content.pop("time").endswith("+00:00")
    assert content == {
        "alias": CHAMPION,
        "from": None,
        "to": 2,
        "kind": "promoted",
        "reason": "the gate opened",
        "by": "flow",
    }


def test_change_that_was_only_intended_is_no_history_and_is_found_again(project, client, name):
    change = history.intend(client, name, {CHAMPION: 1}, kind=history.PROMOTED, reason="r", by=history.FLOW)
    assert history.moves(project, name) == []
    assert history.pending(client, name) == change


def test_change_may_be_completed_twice(project, client, name):
    change = promote(client, name, 1)
    history.make(client, name, change)
    history.record(client, name, change)
    history.forget(client, name)
    assert len(history.moves(project, name)) == 1


def test_alias_moved_in_mlflow_itself_is_noticed_once(project, client, name):
    promote(client, name, 1)
    client.set_registered_model_alias(name, CHAMPION, "2")
    history.notice(client, name)
    history.notice(client, name)
    *_, move = history.moves(project, name)
    assert (move.alias, move.before, move.after, move.kind) == (CHAMPION, 1, 2, "outside")
    assert len(history.moves(project, name)) == 2


def test_alias_that_was_taken_away_is_noticed(project, client, name):
    promote(client, name, 1)
    client.delete_registered_model_alias(name, CHAMPION)
    history.notice(client, name)
    assert told(project, name)[-1][:3] == (CHAMPION, 1, None)


def test_reason_of_any_length_and_letters_fits_a_tag_of_any_database(project, client, name):
    promote(client, name, 1, '"ü\\\n' * 5000)
    (move,) = history.moves(project, name)
    assert move.reason.startswith('"ü\\ "ü')
    texts = [value for key, value in client.get_registered_model(name).tags.items() if key.startswith("hourglass.move")]
    assert all(len(text) <= 5000 for text in texts)
