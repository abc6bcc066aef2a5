"""Model cards in the registry."""

from itertools import count

import pytest

from hourglass.errors import HourglassError
from hourglass.registry import cards, tracking
from hourglass.registry.addresses import completed
from hourglass.report import card

_NAMES = (f"carded{number}" for number in count())


@pytest.fixture
def entry(client):
    name = next(_NAMES)
    client.create_registered_model(name)
    return client.create_model_version(name, "file:///nowhere", tags={tracking.VARIANT: "vae"})


@pytest.fixture
def written(monkeypatch):
    """Which cards were written, in words."""
    found = []

    def write(project, params, variant, name, number, tags):
        found.append((variant, name, number))
        return f"card {len(found)}\n"

    monkeypatch.setattr(card, "card", write)
    return found


def test_a_card_is_written_once(project, client, entry, written):
    cards.describe(client, project, None, entry)
    cards.describe(client, project, None, client.get_model_version(entry.name, entry.version))
    assert written == [("vae", entry.name, 1)]
    assert cards.read(project, f"models:/{entry.name}/1") == "card 1\n"


def test_an_alias_leads_to_a_card(project, client, entry, written):
    cards.describe(client, project, None, entry)
    client.set_registered_model_alias(entry.name, "champion", "1")
    assert cards.read(project, f"models:/{entry.name}@champion") == "card 1\n"


def test_a_version_without_a_card_says_what_to_do(project, entry):
    with pytest.raises(HourglassError, match=r"has no model card.*`hourglass register`"):
        cards.read(project, f"models:/{entry.name}/1")


@pytest.mark.parametrize("uri", ["hourglass", "models:/hourglass", "models:/hourglass/x"])
def test_what_names_no_version_is_refused(project, uri):
    with pytest.raises(HourglassError, match="names no version; expected models:/NAME/3"):
        cards.read(project, uri)


@pytest.mark.parametrize(
    ("short", "uri"),
    [
        ("3", "models:/fraud/3"),
        ("@champion", "models:/fraud@champion"),
        ("other/3", "models:/other/3"),
        ("other@champion", "models:/other@champion"),
        ("models:/other/3", "models:/other/3"),
    ],
)
def test_short_names_are_completed(short, uri):
    assert completed("fraud", short) == uri
