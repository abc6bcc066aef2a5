import torch

from hourglass import models
from hourglass.models.shared.batch import Batch
from hourglass.models.shared.divergences import reparameterise
from hourglass.models.shared.terms import Context


def build():
    return models.build("factor_vae", (2, 3), {"latent": 3, "hidden": [16]}, seed=0)


def test_the_discriminator_is_judged_on_units_shuffled_between_rows(surface, monkeypatch):
    model, batch, seen = build(), Batch.of(surface(64, 0)), []
    logit = model._logit
    monkeypatch.setattr(model, "_logit", lambda z: (seen.append(z), logit(z))[1])
    model.judge(batch, Context(torch.Generator().manual_seed(4)))
    z, shuffled = seen
    torch.testing.assert_close(z.sort(0).values, shuffled.sort(0).values)
    assert not torch.equal(z, shuffled)
    assert ((z[:, None] == shuffled).sum(2).amax(1) < 3).any(), "units come from different rows"


def test_the_logit_is_the_density_ratio_that_the_encoder_lowers(surface):
    model, x = build(), surface(50, 0)
    terms = model.losses(Batch.of(x), Context(torch.Generator().manual_seed(4), kl_weight=0.5))
    mu, logvar = model.encode(x).values()
    z = reparameterise(mu, logvar, torch.Generator().manual_seed(4))
    torch.testing.assert_close(terms["total_correlation"].value, model.discriminator(z).squeeze(1))
    assert terms["total_correlation"].weight == 0.5 * model.gamma


def test_each_phase_leaves_the_others_parameters_alone(surface):
    model, batch = build(), Batch.of(surface(64, 0))
    nets, judge = model.phases()
    loss = judge.losses(batch, Context(torch.Generator().manual_seed(0)))["discriminator"].value.sum()
    found = torch.autograd.grad(loss, nets.parameters, allow_unused=True)
    assert all(gradient is None for gradient in found)
    assert not set(map(id, nets.parameters)) & set(map(id, judge.parameters))
