"""Terms of losses in words."""

import pytest
import torch

from hourglass import models
from hourglass.models.shared.batch import Batch
from hourglass.models.shared.terms import Context
from hourglass.report import terms

_SHAPE = (8,)
#: What brings in terms that a variant doesn't have by itself.
_OTHERWISE = [
    ("beta_vae", {"capacity": 2.0}),
    ("vae", {"free_bits": 0.1}),
    ("sparse", {"sparsity": "kl"}),
    ("overcomplete", {"sparsity": 1.0, "contraction": 1.0}),
]


@pytest.mark.parametrize(("variant", "settings"), [*((name, {}) for name in models.names()), *_OTHERWISE])
def test_each_term_of_each_variant_is_explained_below_its_curve(variant, settings):
    sized = {} if variant == "overcomplete" else {"latent": 4}
    model = models.build(variant, _SHAPE, {"hidden": [8], **sized, **settings}, seed=0, known=1)
    batch, context = Batch.of(torch.rand(6, 8)), Context(torch.Generator().manual_seed(0), 1.0)
    losses = [course.losses for course in model.courses()]
    losses += [phase.losses for course in model.courses() for phase in course.phases]
    found = {name for one in losses for mode in (True, False) for name in one(model.train(mode) and batch, context)}
    assert [name for name in sorted(found) if not terms.caption(name, "mse")[1]] == []


def test_a_term_that_nobody_has_explained_has_its_own_name():
    assert terms.caption("odd_one", "mse") == ("Odd one", "")
