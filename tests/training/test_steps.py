from dataclasses import replace
from math import inf

import pytest
import torch

from hourglass import models
from hourglass.models.autoencoder import Autoencoder
from hourglass.models.shared.batch import Batch
from hourglass.models.shared.terms import Term
from hourglass.training import steps
from hourglass.training.augment import Augment
from hourglass.training.loop import fit, trainee_for
from hourglass.training.settings import TrainSettings
from hourglass.training.steps import Steps, Sums


@pytest.fixture
def trained(rows_of_noise, tmp_path, monkeypatch):
    """Train after a number of steps by replays, and give the weights."""

    def train(name, recorded_after, model=None, **settings):
        monkeypatch.setattr(steps, "RECORDED_AFTER", recorded_after)
        model = model or models.build(name, (4,), {"latent": 2, "hidden": [8]}, seed=0)
        settings = TrainSettings(batch=8, epochs=6, **settings)
        folder = tmp_path / f"{recorded_after}"
        folder.mkdir()
        fit(model, rows_of_noise(45, 0), rows_of_noise(20, 1), settings, seed=0, folder=folder)
        return model.state_dict(), (folder / "metrics.jsonl").read_text()

    return train


@pytest.mark.parametrize(
    "settings",
    [{}, {"clip": 0.1}, {"freeze_encoder": 0.5}, {"freeze_decoder": 0.5, "weight_decay": 0.1}, {"augment": ["noise"]}],
    ids=str,
)
def test_replayed_steps_train_as_others_bit_for_bit(trained, settings):
    fast, slow = trained("vae", 2, **settings), trained("vae", inf, **settings)
    assert all(torch.equal(fast[0][name], slow[0][name]) for name in slow[0])
    assert fast[1] == slow[1]


def test_replayed_steps_draw_the_noise_of_sounds_as_others(tmp_path, monkeypatch):
    x = Batch.of(torch.rand(48, 9, 3, generator=torch.Generator().manual_seed(0)))
    settings = {"corruption": "rician", "amplitude": 0.1, "mask": True, "latent": 2, "hidden": [8]}
    found = []
    for recorded_after in (2, inf):
        monkeypatch.setattr(steps, "RECORDED_AFTER", recorded_after)
        model, folder = models.build("denoising", (9, 3), settings, seed=0), tmp_path / f"{recorded_after}"
        folder.mkdir()
        fit(model, x, x, TrainSettings(batch=8, epochs=3), seed=0, folder=folder)
        found.append(model.state_dict())
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[1])


class Impatient(Autoencoder):
    """Weighs its loss by what only Python knows."""

    taken = 0

    def losses(self, batch, context):
        self.taken += 1
        return {name: Term(term.value, self.taken) for name, term in super().losses(batch, context).items()}


def test_steps_that_differ_by_more_than_their_numbers_are_not_replayed(trained):
    def train(recorded_after):
        torch.manual_seed(0)
        return trained("", recorded_after, model=Impatient((4,), latent=2, hidden=[8]))

    fast, slow = train(2), train(inf)
    assert all(torch.equal(fast[0][name], slow[0][name]) for name in slow[0])


class Tied(Autoencoder):
    """Adds two offsets to its loss, whose gradients lie in the same memory."""

    def __init__(self, *args, **settings):
        super().__init__(*args, **settings)
        self.one, self.other = (torch.nn.Parameter(torch.zeros(4)) for _ in range(2))

    def losses(self, batch, context):
        away = (self.one + self.other - batch.x).square().sum(1)
        return {"away": Term(away)}

    def courses(self):
        (course,) = super().courses()
        (phase,) = course.phases
        return (replace(course, phases=(replace(phase, parameters=[self.one, self.other]),)),)


def test_gradients_that_share_memory_are_clipped_once():
    model = Tied((4,), latent=2, hidden=[8])
    (course,) = model.courses()
    settings = TrainSettings(batch=8, clip=0.5)
    trainee = trainee_for(model, [course], settings, 0, torch.device("cpu"))
    rows = Batch.of(torch.ones(8, 4))
    Steps(course, trainee, Augment.of((), model), settings).take(rows, ())
    found = trainee.optimizers[course.phases[0].name].state()
    # each entry is -2 and so the norm 2 sqrt(8); Adam's first mean is a tenth of the gradient
    torch.testing.assert_close(found["mean.0"], torch.full((4,), -0.1 * 0.5 / 8**0.5))
    torch.testing.assert_close(found["mean.1"], found["mean.0"])


def test_sums_give_means_over_all_rows_of_batches_of_any_size():
    sums = Sums()
    sums.add({"kl": Term(torch.tensor([1.0, 2.0, 3.0]), 0.5)})
    sums.add({"kl": Term(torch.tensor([10.0]), 0.5)})
    assert sums.means() == {"kl": 4.0}
    assert sums.objective(None) == 2.0
    sums.clear()
    sums.add({"kl": Term(torch.tensor([5.0]), 0.5)})
    assert sums.means() == {"kl": 5.0}
