from dataclasses import replace

import pytest
import torch
from torch import nn

from hourglass.models.shared.batch import Batch
from hourglass.training import replay
from hourglass.training.replay import Replay


def rows(seed, count=8):
    return Batch.of(torch.randn(count, 4, generator=torch.Generator().manual_seed(seed)))


class Counter(nn.Module):
    """Keeps a running mean in a buffer that it replaces, and noise in one that it writes into."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(4))
        self.register_buffer("noise", torch.zeros(2))
        self.generator = torch.Generator().manual_seed(0)

    def take(self, batch):
        self.mean = self.mean.lerp(batch.x.mean(0), 0.1)
        self.noise += torch.randn(2, generator=self.generator) * self.mean.relu()[:2]


def test_a_replay_does_to_other_rows_what_the_step_does():
    mine, theirs = Counter(), Counter()
    recorded = Replay(mine.take, rows(0), mine)
    for seed in range(1, 5):
        recorded(rows(seed))
    for seed in range(5):
        theirs.take(rows(seed))
    assert torch.equal(mine.mean, theirs.mean)
    assert torch.equal(mine.noise, theirs.noise)


def test_steps_between_replays_count():
    mine, theirs = Counter(), Counter()
    recorded = Replay(mine.take, rows(0), mine)
    mine.take(rows(1))
    recorded(rows(2))
    for seed in range(3):
        theirs.take(rows(seed))
    assert torch.equal(mine.mean, theirs.mean)


def test_a_replay_reads_the_target_and_the_condition_of_its_rows():
    found = torch.zeros(4)

    def take(batch):
        found.copy_((batch.target * batch.condition).sum(0))

    def paired(seed):
        return replace(rows(seed), target=rows(seed + 10).x, condition=rows(seed + 20).x)

    recorded = Replay(take, paired(0), nn.Module())
    recorded(paired(1))
    assert torch.equal(found, (rows(11).x * rows(21).x).sum(0))


def test_the_rows_that_it_was_recorded_with_stay_as_they_are():
    first = rows(0)
    recorded = Replay(lambda batch: batch.x.sum(), first, nn.Module())
    recorded(rows(1))
    assert torch.equal(first.x, rows(0).x)


def test_what_makes_a_constant_runs_again_where_the_step_changes_it():
    found = torch.zeros(())

    def take(batch):
        total = torch.zeros(())
        total += batch.x.sum()
        found.copy_(total + torch.ones(()))

    recorded = Replay(take, rows(0), nn.Module())
    for seed in (1, 2):
        recorded(rows(seed))
        assert found == rows(seed).x.sum() + 1


@pytest.mark.parametrize(
    "take",
    [lambda batch: batch.x.sum().item(), lambda batch: batch.x[batch.x > 0].sum(), lambda batch: batch.x.nonzero()],
    ids=["a number taken out", "rows picked by a mask", "places that differ in number"],
)
def test_what_depends_on_the_numbers_of_the_rows_is_refused(take):
    recorded = Replay(take, rows(0), nn.Module())
    assert recorded.refusal.endswith("depends on the numbers of the step")


def test_a_step_that_writes_much_is_refused(monkeypatch):
    monkeypatch.setattr(replay, "LARGEST", 100)
    recorded = Replay(lambda batch: batch.x + 1, rows(0), nn.Module())
    assert recorded.refusal.startswith("its operations write more than")


@pytest.mark.parametrize(("most", "refused"), [(100, True), (1000, False)])
def test_a_step_is_refused_whose_operations_take_fresh_memory(monkeypatch, most, refused):
    monkeypatch.setattr(replay, "MOST_COPIED", most)
    kernel = torch.ones(1, 1, 3)
    recorded = Replay(lambda batch: torch.conv1d(batch.x[:, None], kernel), rows(0, 16), nn.Module())
    assert (recorded.refusal is not None) == refused
