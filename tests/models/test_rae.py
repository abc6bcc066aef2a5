import pytest
import torch
from torch.func import jacrev, vmap

from hourglass import models
from hourglass.models.shared.batch import Batch
from hourglass.models.shared.terms import Context
from hourglass.training.loop import fit, measure
from hourglass.training.settings import TrainSettings


def test_the_terms_are_those_of_the_paper(surface):
    settings = {"latent": 1, "hidden": [16], "code_weight": 2.0, "gradient_weight": 3.0}  # one unit: the exact Jacobian
    model, x = models.build("rae", (2, 3), settings, seed=0), surface(20, 0)
    terms, z = model.losses(Batch.of(x), Context(torch.Generator())), model.encode(x)["z"]
    torch.testing.assert_close(terms["code"].value, 0.5 * z.square().sum(1))
    exact = vmap(jacrev(lambda code: model.decode(code[None])[0]))(z).square().flatten(1).sum(1)
    torch.testing.assert_close(terms["gradient"].value, exact)
    assert [term.weight for term in terms.values()] == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(("setting", "term"), [("code_weight", "code"), ("gradient_weight", "gradient")])
def test_what_is_weighed_more_gets_smaller(surface, tmp_path, setting, term):
    found, unseen = [], surface(200, 3)
    for weight in (1e-3, 1e-1):
        (tmp_path / str(weight)).mkdir()
        settings = {"code_weight": 1e-3, "gradient_weight": 1e-3} | {setting: weight}
        model = models.build("rae", (2, 3), {"latent": 3, "hidden": [32]} | settings, seed=0)
        rows = (Batch.of(surface(256, 1)), Batch.of(surface(64, 2)))
        fit(model, *rows, TrainSettings(epochs=60, batch=32, lr=1e-2), seed=0, folder=tmp_path / str(weight))
        found.append(measure(model, Batch.of(unseen), seed=0)[term])
    assert found[1] < 0.5 * found[0]
