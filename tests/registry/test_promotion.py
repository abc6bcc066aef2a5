"""Promotions and ways back, with versions in a real store."""

import json
import shutil
from contextlib import suppress
from itertools import count
from pathlib import Path

import mlflow
import pytest

from hourglass.errors import HourglassError
from hourglass.params import load
from hourglass.project import Project
from hourglass.registry import history, promotion, store, tracking, versions
from hourglass.registry.bytecode import no_bytecode
from hourglass.registry.judge import judge
from hourglass.registry.standing import CHAMPION, PREVIOUS, Verdict

PARAMS = load(Path(__file__).parents[2] / "params.yaml")
_NAMES = (f"promoted{number}" for number in count())


class Registry:
    """A registered name, and what a test does with it."""

    def __init__(self, project: Project, source: str) -> None:
        self.project, self.source = project, source
        self.name, self.client = next(_NAMES), store.connect(project)
        self.client.create_registered_model(self.name)

    def add(self, settings: str = "same", **split):
        tags = {
            versions.KEY: next(_NAMES),
            tracking.VARIANT: "vae",
            "hourglass.metric": "auroc",
            "hourglass.value": "0.9",
            "hourglass.settings": settings,
            versions.PARAMS: json.dumps({"split": split}),
        }
        made = self.client.create_model_version(self.name, self.source, tags=tags)
        return self.version(int(made.version))

    def version(self, number: int):
        return versions.find(self.project, self.name, number)

    def promote(self, version):
        return promotion.promote(self.project, PARAMS, version)

    def judge(self, version, by=history.FLOW):
        return judge(self.project, PARAMS, version, by=by)

    def rollback(self, reason=""):
        return promotion.rollback(self.project, self.name, reason)

    @property
    def champion(self):
        return history.aliases(self.client, self.name)[CHAMPION]

    @property
    def previous(self):
        return history.aliases(self.client, self.name)[PREVIOUS]

    @property
    def moves(self):
        found = history.moves(self.project, self.name)
        return [(move.before, move.after, move.kind) for move in found if move.alias == CHAMPION]

    def verdict(self, number):
        return self.client.get_model_version(self.name, str(number)).tags.get(versions.VERDICT, "")


@pytest.fixture
def registry(project, monkeypatch):
    """Versions without files, that all pass: for what comes after the gate."""
    monkeypatch.setattr(promotion, "smoke_test", lambda *_: None)
    monkeypatch.setattr(promotion, "judge", lambda _, __, version, by: Verdict(version, True, "it becomes champion"))
    return Registry(project, "file:///nowhere")


@pytest.fixture(scope="module")
def saved(image_vae, tmp_path_factory):
    """A package as MLflow keeps it."""
    folder = tmp_path_factory.mktemp("saved") / "model"
    shim = str(image_vae.folder / "shim.py")
    with no_bytecode():  # other tests look into the package
        mlflow.pyfunc.save_model(
            folder, python_model=shim, artifacts={"package": str(image_vae.folder)}, pip_requirements=[]
        )
    return folder


@pytest.fixture
def real(project, saved, image_vae):
    """Versions of a real model, judged on its data."""
    dataset = project.dataset
    if not dataset.exists():
        dataset.parent.mkdir(exist_ok=True)
        dataset.symlink_to(image_vae.dataset.folder)
    return Registry(project, str(saved))


def test_second_rollback_goes_further_back(registry):
    for _ in range(3):
        registry.promote(registry.add())
    registry.rollback()
    registry.rollback()
    assert registry.champion == 1
    with pytest.raises(HourglassError, match="no previous_champion to go back to"):
        registry.rollback()


def test_rollback_to_a_version_that_never_passed_is_refused(registry):
    registry.promote(registry.add())
    registry.add()
    registry.client.set_registered_model_alias(registry.name, PREVIOUS, "2")
    with pytest.raises(HourglassError, match="never passed the gate, so nothing is rolled back"):
        registry.rollback()
    assert registry.champion == 1


def test_version_taken_down_in_mlflow_itself_is_not_promoted_by_itself(registry):
    registry.promote(registry.add())
    registry.promote(registry.add())
    registry.client.set_registered_model_alias(registry.name, CHAMPION, "1")
    with promotion.deciding(registry.project, registry.name):
        assert "was taken down (moved outside of Hourglass" in registry.judge(registry.version(2)).sentence


def test_version_registered_by_others_is_shown_and_never_judged(registry):
    registry.promote(registry.add())
    registry.client.create_model_version(registry.name, "file:///nowhere")
    newest, first = versions.listing(registry.project, registry.name)
    assert (newest.number, newest.version) == (2, None)
    assert (first.number, first.aliases) == (1, (CHAMPION,))
    assert versions.standing(registry.project, registry.name, {}).newest == first.version
    with pytest.raises(HourglassError, match="was registered by others"):
        registry.version(2)


class KilledError(BaseException):
    """The process ends here."""


@pytest.fixture
def killed_at(monkeypatch):
    """Let the process die at its n-th write to the registry: nothing that comes after is written either."""
    from mlflow import MlflowClient

    def arm(number):
        patch, written = pytest.MonkeyPatch(), count(1)
        for method in _WRITES:
            original = getattr(MlflowClient, method)

            def write(self, *args, original=original, **kwargs):
                if next(written) >= number:
                    raise KilledError
                return original(self, *args, **kwargs)

            patch.setattr(MlflowClient, method, write)
        return patch

    return arm


_WRITES = (
    "set_registered_model_tag",
    "delete_registered_model_tag",
    "set_model_version_tag",
    "set_registered_model_alias",
    "delete_registered_model_alias",
)


def next_run(registry):
    with promotion.deciding(registry.project, registry.name):
        pass


def writes_until_done(registry, killed_at, act, check):
    """Kill an act at each of its writes in turn; give how many there are."""
    number = 0
    while True:
        number += 1
        dying = killed_at(number)
        try:
            act()
        except KilledError:
            dying.undo()
        else:
            dying.undo()
            return number
        check()
        next_run(registry)
        check()


def test_promotion_killed_at_any_write_is_completed_by_the_next_run(registry, killed_at):
    registry.promote(registry.add())
    registry.promote(registry.add())

    def check():
        assert registry.version(registry.champion).passed
        assert "becomes champion" in registry.verdict(registry.champion)

    def act():
        newest = versions.listing(registry.project, registry.name)[0].version
        registry.promote(registry.add() if newest.number == registry.champion else newest)

    assert writes_until_done(registry, killed_at, act, check) == 8
    last = registry.champion
    assert registry.previous == last - 1
    assert [after for _, after, _ in registry.moves] == list(range(1, last + 1))


@pytest.mark.parametrize("write", [1, 2, 3])
def test_run_killed_while_it_notices_a_move_in_mlflow_loses_no_move_and_passes_no_version(registry, killed_at, write):
    registry.promote(registry.add())
    registry.add()
    registry.client.set_registered_model_alias(registry.name, CHAMPION, "2")
    dying = killed_at(write)
    with suppress(KilledError):
        next_run(registry)
    dying.undo()
    next_run(registry)
    assert registry.moves == [(None, 1, "promoted"), (1, 2, "outside")]
    assert not registry.version(2).passed


@pytest.mark.services
def test_rollback_killed_at_any_write_leaves_a_champion_that_passed(registry, killed_at):
    for _ in range(12):
        registry.promote(registry.add())

    def check():
        assert registry.version(registry.champion).passed

    writes_until_done(registry, killed_at, registry.rollback, check)
    champions = [1] + [after for _, after, _ in registry.moves[1:]]
    assert champions[:12] == list(range(1, 13))
    assert champions[12:] == list(range(11, registry.champion - 1, -1))


@pytest.mark.services
def test_promotion_killed_while_it_is_taken_back_ends_with_the_old_champion(registry, killed_at, monkeypatch):
    registry.promote(registry.add())
    newest = registry.add()

    def fails(_, uri):
        if uri.endswith("@champion") and registry.champion == newest.number:
            raise HourglassError("no")

    monkeypatch.setattr(promotion, "smoke_test", fails)
    for number in count(1):
        dying = killed_at(number)
        try:
            registry.promote(newest)
        except KilledError:
            dying.undo()
        except HourglassError:
            dying.undo()
            break
        with suppress(HourglassError):
            next_run(registry)
        assert registry.champion == 1
    assert registry.champion == 1
    first, *others = registry.moves
    assert first == (None, 1, "promoted")
    assert others == [(1, 2, "promoted"), (2, 1, "taken back")] * (len(others) // 2)


def test_challenger_trained_under_another_split_is_refused(real):
    real.client.set_registered_model_alias(real.name, CHAMPION, str(real.add().number))
    refused = real.judge(real.add(salt=1))
    assert not refused.promote
    assert "trained under another split (split.salt 1 instead of 0)" in refused.sentence


def test_champion_trained_under_another_split_is_held_against_and_the_verdict_says_so(real):
    real.client.set_registered_model_alias(real.name, CHAMPION, str(real.add(salt=1).number))
    passed = real.judge(real.add())
    assert passed.promote
    assert passed.sentence.endswith(
        "version 1 was trained under another split (split.salt 1 instead of 0), which favours it"
    )


@pytest.mark.services
def test_first_version_is_champion_and_the_history_says_why(real):
    real.promote(real.add())
    assert (real.champion, real.previous) == (1, None)
    assert real.moves == [(None, 1, "promoted")]
    (move,) = history.moves(real.project, real.name)
    assert (move.by, move.reason) == ("hand", "version 1 (vae) is the first champion")
    assert real.version(1).passed


@pytest.mark.services
def test_equal_model_passes_with_the_same_settings_and_not_with_others(real):
    real.promote(real.add())
    refused = real.promote(real.add("others"))
    assert not refused.promote
    assert "gain +0.0000" in refused.sentence
    assert real.promote(real.add()).promote
    assert (real.champion, real.previous) == (3, 1)
    assert not real.version(2).passed
    assert real.verdict(2) == refused.sentence


@pytest.mark.services
def test_champion_that_is_asked_again_stays_with_its_verdict(real):
    real.promote(real.add())
    before = real.verdict(1)
    assert "is the champion already" in real.promote(real.version(1)).sentence
    assert real.verdict(1) == before


@pytest.mark.services
def test_former_champion_that_is_refused_now_may_still_be_gone_back_to(real):
    real.promote(real.add("others"))
    real.promote(real.add("others"))
    real.client.set_model_version_tag(real.name, "1", "hourglass.settings", "changed")
    assert not real.promote(real.version(1)).promote
    real.rollback()
    assert real.champion == 1


@pytest.mark.services
def test_rollback_goes_back_is_recorded_and_lasts_until_somebody_asks(real):
    real.promote(real.add())
    real.promote(real.add())
    said = real.rollback("false alarms at night")
    assert said.startswith("rolled back by hand: false alarms at night; version 1 (vae), which passed the gate before")
    assert (real.champion, real.previous) == (1, None)
    assert real.moves[-1] == (2, 1, "rolled back")
    assert real.verdict(1) == said
    by_itself = real.judge(real.version(2))
    assert not by_itself.promote
    assert "false alarms at night" in by_itself.sentence
    assert "`hourglass promote 2` asks the gate again" in by_itself.sentence
    assert real.promote(real.version(2)).promote
    assert real.judge(real.version(1), history.FLOW).promote is True


@pytest.mark.services
def test_guards_block_by_name_also_by_hand(real, monkeypatch):
    real.promote(real.add())
    monkeypatch.setattr("hourglass.evaluation.gate.faults", lambda *_: ["calibration is off: 40 of 150"])
    refused = real.promote(real.add())
    assert refused.sentence == "version 2 (vae) is not promoted: calibration is off: 40 of 150"
    assert real.champion == 1


@pytest.mark.services
def test_gone_alias_goes_back_to_the_last_champion(real):
    real.promote(real.add())
    real.client.delete_registered_model_alias(real.name, CHAMPION)
    assert "is champion again: the alias champion was gone" in real.promote(real.version(1)).sentence
    assert real.moves == [(None, 1, "promoted"), (1, None, "outside"), (None, 1, "promoted")]


@pytest.mark.services
def test_without_its_alias_the_last_champion_still_stands_for_the_champion(real):
    real.promote(real.add())
    real.client.delete_registered_model_alias(real.name, CHAMPION)
    refused = real.promote(real.add("others"))
    assert not refused.promote
    assert "version 1, the last to have it, stood for the champion" in refused.sentence
    assert "`hourglass promote 1` gives it the alias back" in refused.sentence


@pytest.mark.services
def test_where_every_champion_was_deleted_the_next_says_so(real):
    real.promote(real.add())
    real.client.delete_model_version(real.name, "1")
    assert "no earlier champion is left" in real.promote(real.add()).sentence


@pytest.mark.services
def test_champion_whose_files_break_while_it_is_promoted_is_taken_back(real, monkeypatch, tmp_path):
    real.promote(real.add())
    copied = shutil.copytree(mlflow.artifacts.download_artifacts(f"models:/{real.name}/1"), tmp_path / "model")
    tags = real.client.get_model_version(real.name, "1").tags
    real.client.create_model_version(real.name, str(copied), tags=tags)
    make = history.make

    def make_and_break(client, name, change):
        make(client, name, change)
        if change.kind == history.PROMOTED:
            (copied / "artifacts").rename(tmp_path / "gone")

    monkeypatch.setattr(history, "make", make_and_break)
    with pytest.raises(HourglassError, match="can't score"):
        real.promote(real.version(2))
    assert (real.champion, real.previous) == (1, None)
    assert real.moves == [(None, 1, "promoted"), (1, 2, "promoted"), (2, 1, "taken back")]
    assert "was taken back, its smoke test as champion failed" in real.verdict(2)
    assert not real.version(2).passed


@pytest.mark.services
def test_version_without_files_never_becomes_champion(real):
    real.source = "file:///nowhere"
    with pytest.raises(HourglassError, match=r"the files of models:/.*/1 are missing"):
        real.promote(real.add())
    assert real.champion is None


@pytest.mark.services
def test_champion_whose_file_is_flipped_stops_the_gate_which_says_what_to_do(real, tmp_path):
    real.promote(real.add())
    good, real.source = real.source, str(shutil.copytree(real.source, tmp_path / "model"))
    real.promote(real.add())
    (weights,) = Path(real.source).rglob("weights.safetensors")
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    real.source = good
    with pytest.raises(HourglassError, match=r"differs from its hash.*`hourglass rollback` goes back to version 1"):
        real.promote(real.add())
    assert real.champion == 2
    real.rollback("its weights are damaged")
    assert real.champion == 1
    assert real.promote(real.version(3)).promote
