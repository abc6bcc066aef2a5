import pytest
import torch
from torch.func import jacrev, vmap

from hourglass import models
from hourglass.models.shared.batch import Batch
from hourglass.models.shared.terms import Context
from hourglass.training.loop import fit, measure
from hourglass.training.settings import TrainSettings


def sensitivity(model, x):
    """Squared norm of the encoder's Jacobian, mean over rows."""
    return vmap(jacrev(lambda row: model.encode(row[None])["z"][0]))(x).square().flatten(1).sum(1).mean().item()


def test_the_penalty_is_the_squared_norm_of_the_encoders_jacobian(surface):
    model, x = models.build("contractive", (2, 3), {"latent": 3, "hidden": [16], "probes": 3}, seed=0), surface(20, 0)
    term = model.losses(Batch.of(x), Context(torch.Generator()))["jacobian"]
    spread = model.encode(x)["z"].var(0, correction=0).sum().item()
    assert term.value.mean().item() == pytest.approx(sensitivity(model, x) / spread, rel=1e-5)


@pytest.mark.parametrize("normalisation", ["batch", "layer"])
@pytest.mark.parametrize(("net", "shape"), [("residual", (1, 8, 8)), ("temporal", (2, 16)), ("mlp", (2, 3))])
def test_the_penalty_is_exact_for_every_net_also_where_training_normalises_by_the_batch(net, shape, normalisation):
    settings = {"latent": 3, "hidden": [4], "net": net, "normalisation": normalisation, "probes": 3}
    model, x = models.build("contractive", shape, settings, seed=0).train(), torch.rand(20, *shape)
    spread = model.encode(x)["z"].var(0, correction=0).sum().item()
    term = model.losses(Batch.of(x), Context(torch.Generator()))["jacobian"]
    assert term.value.mean().item() == pytest.approx(sensitivity(model.eval(), x) / spread, rel=1e-4)


def test_smaller_codes_are_no_way_out(surface):
    model, x = models.build("contractive", (2, 3), {"latent": 3, "hidden": [16], "probes": 3}, seed=0), surface(20, 0)
    before = model.losses(Batch.of(x), Context(torch.Generator()))["jacobian"].value
    with torch.no_grad():
        model.encoder[-1].weight.mul_(0.01)
    torch.testing.assert_close(
        model.losses(Batch.of(x), Context(torch.Generator()))["jacobian"].value, before, rtol=1e-4, atol=0
    )


def test_a_single_row_at_the_end_of_an_epoch_does_no_harm(surface, tmp_path):
    found = {}
    for rows in (128, 129):
        model = models.build("contractive", (2, 3), {"latent": 3, "hidden": [16]}, seed=0)
        folder = tmp_path / str(rows)
        folder.mkdir()
        data = (Batch.of(surface(rows, 1)), Batch.of(surface(64, 2)))
        fit(model, *data, TrainSettings(epochs=20, batch=32, lr=1e-2), seed=0, folder=folder)
        found[rows] = measure(model, data[1], seed=0)["reconstruction"]
    assert found[129] < 2 * found[128], found


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_codes_move_less_with_the_row_than_a_plain_autoencoders(surface, tmp_path, seed):
    """Relative to the codes' own spread, so that small codes don't pass for insensitive ones."""
    unseen, found = surface(200, 3), {}
    for variant, settings in (("autoencoder", {}), ("contractive", {"contraction": 0.01})):
        (tmp_path / variant).mkdir()
        model = models.build(variant, (2, 3), {"latent": 3, "hidden": [32]} | settings, seed=seed)
        rows = (Batch.of(surface(256, 1)), Batch.of(surface(64, 2)))
        fit(model, *rows, TrainSettings(epochs=60, batch=32, lr=1e-2), seed=seed, folder=tmp_path / variant)
        with torch.no_grad():
            spread = model.encode(unseen)["z"].var(0, correction=0).sum().item()
        found[variant] = sensitivity(model, unseen) / spread
    assert found["contractive"] < 0.75 * found["autoencoder"]
