"""``hourglass lineage``: a version followed back to its shards."""

import hashlib
import json

import pytest

from hourglass.dvc_cache import Cache, folder_list
from hourglass.errors import HourglassError
from hourglass.registry import history, store
from hourglass.registry.lineage import Lineage, Shard
from hourglass.report.lineage import show

FILES = {"snapshot.json": "0" * 32, "may/x.npy": "1" * 32, "may/label.npy": "2" * 32, "june/x.npy": "3" * 32}
SNAPSHOT = hashlib.md5(folder_list(FILES)).hexdigest() + ".dir"
TAGS = {
    "hourglass.variant": "vae",
    "hourglass.data": SNAPSHOT,
    "hourglass.params": json.dumps({"seed": 3, "data": {"source": "payments.csv"}, "vae": {"latent": 4}}),
    "hourglass.fingerprint_facts": json.dumps({"cpu": "AVX2", "threads": 1}),
    "hourglass.manifest_sha256": "a" * 64,
    "mlflow.source.git.commit": "c" * 40,
    "hourglass.dirty": 'src/mine.py "a file"',
}


@pytest.fixture(scope="module")
def payments(stored):
    """Three versions, the last made by others; the alias went from the first to the second."""
    with pytest.MonkeyPatch.context() as env:
        env.setenv("MLFLOW_TRACKING_URI", "")
        client = store.connect(stored)
        client.create_registered_model("payments")
        for tags in (TAGS, TAGS, {}):
            client.create_model_version("payments", "file:///nowhere", tags=tags)
        for number, reason in ((1, "it is the first"), (2, "it is better")):
            after = {"champion": number, "previous_champion": number - 1 or None}
            change = history.intend(client, "payments", after, kind=history.PROMOTED, reason=reason, by=history.FLOW)
            history.make(client, "payments", change)
            history.record(client, "payments", change)


@pytest.fixture
def project(project, payments):
    return project


@pytest.fixture
def listed(project):
    """DVC's cache holds the list of the snapshot's files, though none of the files."""
    path = Cache.of(project).path(SNAPSHOT)
    path.parent.mkdir(parents=True)
    path.write_bytes(folder_list(FILES))
    yield
    path.unlink()
    path.parent.rmdir()


def test_version_is_followed_back_to_the_shards_of_its_snapshot(project, listed):
    facts = Lineage.of(project, "models:/payments/1").facts()
    assert [(shard["name"], shard["files"]) for shard in facts["shards"]] == [("june", 1), ("may", 2)]
    assert facts["snapshot"] == {"hash": SNAPSHOT, "source": "payments.csv"}
    assert facts["params"]["vae"] == {"latent": 4}
    assert facts["commit"] == {"id": "c" * 40, "dirty": ["src/mine.py", '"a file"']}
    assert facts["run"]["fingerprint"] == {"cpu": "AVX2", "threads": 1}
    assert facts["version"]["manifest_sha256"] == "a" * 64


def test_equal_shards_have_equal_hashes_whatever_snapshot_they_are_in(project, listed):
    shards = Lineage.of(project, "models:/payments/1").shards
    alone = hashlib.md5(folder_list({"x.npy": "3" * 32})).hexdigest() + ".dir"
    assert shards is not None
    assert Shard("june", 1, alone) in shards


def test_alias_leads_to_the_version_it_points_to(project):
    assert Lineage.of(project, "models:/payments@champion").origin.number == 2
    assert Lineage.of(project, "models:/payments@previous_champion").origin.number == 1


def test_moves_are_those_from_and_to_the_version(project):
    first, second = (Lineage.of(project, f"models:/payments/{number}") for number in (1, 2))
    assert [(move.alias, move.before, move.after) for move in first.moves] == [
        ("champion", None, 1),
        ("champion", 1, 2),
        ("previous_champion", None, 1),
    ]
    assert [move.reason for move in second.moves] == ["it is better"]


def test_shards_that_dvcs_cache_does_not_know_are_said_to_be_unknown(project, capsys):
    lineage = Lineage.of(project, "models:/payments/1")
    show(lineage, as_json=False)
    assert "shards unknown" in capsys.readouterr().out
    show(lineage, as_json=True)
    assert json.loads(capsys.readouterr().out)["shards"] is None


def test_tree_says_everything_in_words(project, listed, capsys):
    show(Lineage.of(project, "models:/payments/1"), as_json=False)
    said = capsys.readouterr().out
    for part in (SNAPSHOT, "shard may: 2 files", "latent=4", "c" * 40, "differed from it: src/mine.py", "AVX2"):
        assert part in said
    assert "champion: 1 -> 2, promoted (flow): it is better" in said


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("payments/1", "names no version; expected models:/NAME/3 or models:/NAME@champion"),
        ("models:/payments/9", "refused.*not found"),
        ("models:/payments@nobody", "refused.*nobody"),
        ("models:/other/1", "refused.*other"),
        ("models:/payments/3", "Hourglass didn't register it"),
    ],
)
def test_uri_that_leads_nowhere_is_refused_with_a_sentence(project, uri, reason):
    with pytest.raises(HourglassError, match=reason):
        Lineage.of(project, uri)
