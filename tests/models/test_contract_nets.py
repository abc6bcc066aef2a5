"""What every variant of the registry promises with every kind of net."""

from dataclasses import dataclass, replace
from math import prod

import pytest
import torch

from hourglass import models
from hourglass.models.shared.batch import Batch
from hourglass.models.shared.priors import Fitted
from hourglass.models.shared.terms import Context, total
from hourglass.registry.export import export
from hourglass.training.loop import fit
from hourglass.training.settings import TrainSettings


@dataclass(frozen=True)
class Kind:
    net: str
    shape: tuple[int, ...]
    normalisation: str
    known_shape: tuple[int, ...] = ()

    @property
    def known(self):
        return prod(self.known_shape) + 1 if self.known_shape else 2

    def build(self, variant, **settings):
        regularised = {"overcomplete": {"latent": None, "contraction": 0.1}}.get(variant, {"latent": 4})
        settings = {"net": self.net, "normalisation": self.normalisation, "hidden": [6, 4]} | regularised | settings
        return models.build(variant, self.shape, settings, seed=0, known=self.known, known_shape=self.known_shape)

    def rows(self, count, seed):
        generator = torch.Generator().manual_seed(seed)
        x = torch.rand(count, *self.shape, generator=generator)
        return replace(Batch.of(x), condition=torch.rand(count, self.known, generator=generator))


KINDS = [
    Kind("mlp", (2, 3), "batch"),
    Kind("mlp", (2, 3), "layer"),
    Kind("convolutional", (1, 9, 8), "none"),
    Kind("convolutional", (2, 8, 8), "batch", known_shape=(1, 8, 8)),
    Kind("residual", (1, 9, 9), "group", known_shape=(2, 9, 9)),
    Kind("temporal", (1, 17), "layer"),
]


@pytest.fixture(params=KINDS, ids=lambda kind: f"{kind.net}-{kind.normalisation}")
def kind(request):
    return request.param


def phases_of(model, rows):
    context = Context(torch.Generator().manual_seed(0), 0.5)
    return [(phase.parameters, phase.losses(rows, context)) for course in model.courses() for phase in course.phases]


def test_every_parameter_of_every_net_gets_a_gradient(variant, kind):
    model, moved = kind.build(variant), []
    for parameters, terms in phases_of(model, kind.rows(16, 0)):
        moved += parameters
        for gradient in torch.autograd.grad(total(terms), parameters, retain_graph=True):
            assert gradient.any()
    assert sorted(map(id, moved)) == sorted(map(id, model.parameters()))


def test_rows_ignore_their_neighbours_whatever_normalises_them(variant, kind):
    model, rows = kind.build(variant), kind.rows(16, 0)
    phases_of(model, rows)
    told = [rows.condition] if model.conditional else []
    with torch.no_grad():
        together = model.eval().reconstruct(rows.x, *told)
        alone = model.reconstruct(rows.x[:3], *(known[:3] for known in told))
    assert together.shape == rows.x.shape
    torch.testing.assert_close(together[:3], alone)


@pytest.mark.long
def test_a_short_training_of_every_net_is_exported_as_graphs_that_say_the_same(variant, kind, tmp_path):
    model, unseen = kind.build(variant), kind.rows(64, 2)
    (tmp_path / "training").mkdir()
    (tmp_path / "graphs").mkdir()
    settings = TrainSettings(epochs=2, batch=64)
    fit(model, kind.rows(256, 0), kind.rows(64, 1), settings, seed=0, folder=tmp_path / "training")
    with torch.no_grad():
        prior = model.prior or (None if model.code_prior else Fitted(model.eval().encode(unseen.x)["z"]))
    export(model, prior, tmp_path / "graphs", unseen.x, unseen.condition if model.conditional else None)
    assert {"encode.onnx", "decode.onnx", "reconstruct.onnx"} <= {path.name for path in (tmp_path / "graphs").iterdir()}
