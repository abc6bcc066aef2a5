"""What every variant of the registry promises of its steps."""

from math import inf

import pytest
import torch

from hourglass.models.shared.batch import Batch
from hourglass.training import steps
from hourglass.training.loop import fit
from hourglass.training.replay import Replay
from hourglass.training.settings import TrainSettings


@pytest.fixture
def trained(build, surface, tmp_path, monkeypatch):
    """Train after a number of steps by replays; give the weights, what the epochs told, and how many were replayed."""
    replayed = []

    class Counted(Replay):
        def __call__(self, batch):
            replayed.append(len(batch))
            super().__call__(batch)

    monkeypatch.setattr(steps, "Replay", Counted)

    def train(recorded_after, precision):
        replayed.clear()
        monkeypatch.setattr(steps, "RECORDED_AFTER", recorded_after)
        model, folder = build(), tmp_path / f"{recorded_after}"
        folder.mkdir()
        condition = surface(60, 2).flatten(1)[:, :2]
        rows = Batch.of(surface(60, 0)) if not model.conditional else conditioned(surface(60, 0), condition)
        fit(model, rows, rows, TrainSettings(batch=16, epochs=5, precision=precision), seed=0, folder=folder)
        return model.state_dict(), (folder / "metrics.jsonl").read_text(), len(replayed)

    return train


def conditioned(x, condition):
    rows = Batch.of(x)
    return Batch(x, condition, rows.target, rows.label, rows.index)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_replayed_steps_train_as_others_bit_for_bit(precision, trained):
    fast, slow = trained(2, precision), trained(inf, precision)
    assert all(torch.equal(fast[0][name], slow[0][name]) for name in slow[0])
    assert fast[1] == slow[1]
    assert slow[2] == 0
    # of the 15 with all rows, two are taken as they are written and one is recorded
    assert fast[2] >= 12
