"""What every variant of the registry promises of members trained at once."""

import torch

from hourglass.models.shared.batch import Batch
from hourglass.training import together
from hourglass.training.ensemble import Member, fit_members
from hourglass.training.loop import fit
from hourglass.training.settings import TrainSettings


def test_members_are_as_trained_alone_to_the_bit(variant, build, surface, tmp_path, monkeypatch):
    taken = []

    class Counted(together._Replay):
        def __call__(self, batches):
            taken.append(len(batches))
            super().__call__(batches)

    monkeypatch.setattr(together, "RECORDED_AFTER", 2)
    monkeypatch.setattr(together, "_Replay", Counted)
    settings, rows = TrainSettings(batch=16, epochs=3), Batch.of(surface(60, 0))
    if build().conditional:
        rows = Batch(rows.x, surface(60, 2).flatten(1)[:, :2], rows.x, rows.label, rows.index)
    folders = [tmp_path / name for name in ("0", "1", "alone")]
    for folder in folders:
        folder.mkdir()
    members = [Member(build(), seed, folders[seed]) for seed in (0, 1)]
    fit_members(members, rows, rows, settings)
    alone = build()
    fit(alone, rows, rows, settings, seed=1, folder=folders[2])
    if variant != "vq_vae":  # whose codebook chooses, so that its members are trained in turn
        assert taken[:6] == [2] * 6  # of the 9 steps with all rows, two are taken as written and one is recorded
    for name, value in alone.state_dict().items():
        assert torch.equal(members[1].model.state_dict()[name], value), name
