from math import inf

import pytest
import torch

from hourglass import models
from hourglass.errors import HourglassError
from hourglass.models.shared.batch import Batch
from hourglass.training import together
from hourglass.training.ensemble import Member, fit_members
from hourglass.training.loop import METRICS_FILE, fit
from hourglass.training.settings import TrainSettings

SEEDS = (3, 4, 5)


class KilledError(Exception):
    """Stands for whatever ends a process between two epochs."""


def build(seed, variant="vae", **settings):
    return models.build(variant, (4,), {"latent": 2, "hidden": [8]} | settings, seed=seed)


@pytest.fixture
def refusals(monkeypatch):
    """Record after two steps; list why steps were not taken at once: None where they were."""
    found, record = [], together.Together._record

    def note(self, due):
        record(self, due)
        found.append(self.refusal)

    monkeypatch.setattr(together, "RECORDED_AFTER", 2)
    monkeypatch.setattr(together.Together, "_record", note)
    return found


@pytest.fixture
def rows(rows_of_noise):
    return rows_of_noise(45, 0), rows_of_noise(20, 1)


@pytest.fixture
def members(tmp_path):
    """Make untrained members in folders of their own."""

    def make(variant="vae", place="ensemble", **settings):
        folders = [tmp_path / place / str(seed) for seed in SEEDS]
        pairs = zip(SEEDS, folders, strict=True)
        return [Member(build(seed, variant, **settings), seed, folder) for seed, folder in pairs]

    return make


@pytest.fixture
def as_alone(members, rows):
    """Train every member by itself, and hold what came of the ensemble against that."""

    def check(found, finished, settings, variant="vae", **own):
        for member, courses, alone in zip(found, finished, members(variant, "alone", **own), strict=True):
            alone.folder.mkdir(parents=True)
            assert fit(alone.model, *rows, settings, seed=alone.seed, folder=alone.folder) == courses
            for name, value in alone.model.state_dict().items():
                assert torch.equal(member.model.state_dict()[name], value), name
            assert (member.folder / METRICS_FILE).read_text() == (alone.folder / METRICS_FILE).read_text()

    return check


@pytest.mark.parametrize(
    ("training", "own"),
    [
        ({}, {}),
        ({"clip": 0.1, "weight_decay": 0.1}, {}),
        ({"freeze_encoder": 0.5}, {"normalisation": "batch"}),
        ({"augment": ["noise"]}, {"likelihood": "gaussian"}),
        ({"schedule": "plateau", "plateau": 1}, {}),
    ],
    ids=str,
)
def test_each_member_is_as_trained_alone_to_the_bit(training, own, members, rows, refusals, as_alone):
    settings, found = TrainSettings(batch=8, epochs=6, **training), members(**own)
    finished = fit_members(found, *rows, settings)
    assert refusals[0] is None
    as_alone(found, finished, settings, **own)


def test_members_of_normalised_convolutions_are_as_trained_alone_to_the_bit(tmp_path, refusals):
    def member(seed, place):
        folder = tmp_path / place
        folder.mkdir()
        settings = {"latent": 2, "hidden": [8], "net": "convolutional", "normalisation": "group"}
        return Member(models.build("autoencoder", (1, 8, 8), settings, seed=seed), seed, folder)

    rows = Batch.of(torch.rand(48, 1, 8, 8, generator=torch.Generator().manual_seed(0)))
    settings, found, alone = TrainSettings(batch=16, epochs=3), [member(0, "0"), member(1, "1")], member(1, "alone")
    fit_members(found, rows, rows, settings)
    fit(alone.model, rows, rows, settings, seed=1, folder=alone.folder)
    assert refusals == [None]
    for name, value in alone.model.state_dict().items():
        assert torch.equal(found[1].model.state_dict()[name], value), name


def test_members_stop_at_epochs_of_their_own(members, rows, refusals, as_alone):
    settings, found = TrainSettings(batch=8, epochs=40, patience=2, lr=0.05, kl_warmup=0.0), members()
    finished = fit_members(found, *rows, settings)
    assert len({courses[-1].epoch for courses in finished}) > 1
    assert set(refusals) == {None}
    as_alone(found, finished, settings)


def test_members_whose_codebooks_choose_are_trained_in_turn_course_after_course(members, rows, refusals, as_alone):
    settings, found = TrainSettings(batch=8, epochs=4), members("vq_vae")
    finished = fit_members(found, *rows, settings)
    assert "the last bit may decide" in refusals[0]
    as_alone(found, finished, settings, "vq_vae")


def test_larger_members_are_trained_in_turn(members, rows, refusals, monkeypatch, as_alone):
    monkeypatch.setattr(together, "PAYS", 0)
    settings, found, epochs = TrainSettings(batch=8, epochs=3), members(), []
    finished = fit_members(found, *rows, settings, on_epoch=lambda record: epochs.append(record["epoch"]))
    assert "write more than" in refusals[0]
    assert epochs == [1, 2, 3] * 3
    as_alone(found, finished, settings)


def test_small_members_are_trained_side_by_side(members, rows, refusals):
    epochs = []
    settings = TrainSettings(batch=8, epochs=3)
    fit_members(members(), *rows, settings, on_epoch=lambda record: epochs.append(record["epoch"]))
    assert epochs == [1, 1, 1, 2, 2, 2, 3, 3, 3]


@pytest.mark.parametrize("pays", [0, inf])
def test_a_killed_ensemble_goes_on_where_it_stopped(pays, members, rows, refusals, monkeypatch, as_alone):
    monkeypatch.setattr(together, "PAYS", pays)
    settings, seen = TrainSettings(batch=8, epochs=4, checkpoint_seconds=0.0), []

    def kill(record):
        seen.append(record)
        if len(seen) == 8:
            raise KilledError

    with pytest.raises(KilledError):
        fit_members(members(), *rows, settings, on_epoch=kill)
    seen.clear()
    found = members()
    finished = fit_members(found, *rows, settings, on_epoch=seen.append)
    assert len(seen) <= 12 - 7
    as_alone(found, finished, settings)


def test_members_that_are_done_are_read(members, rows):
    settings, seen = TrainSettings(batch=8, epochs=3), []
    first, again = members(), members()
    finished = fit_members(first, *rows, settings)
    assert fit_members(again, *rows, settings, on_epoch=seen.append) == finished
    assert not seen
    for one, other in zip(first, again, strict=True):
        assert torch.equal(one.model.encoder(rows[0].x), other.model.encoder(rows[0].x))


def test_a_broken_member_names_itself(members, rows, refusals):
    found = members()
    with torch.no_grad():
        next(found[1].model.parameters()).fill_(torch.inf)
    with pytest.raises(HourglassError, match=r"^member 2 of 3 \(seed 4\): training diverged"):
        fit_members(found, *rows, TrainSettings(batch=8, epochs=3))
