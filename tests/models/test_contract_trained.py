"""What every variant of the registry promises once it is trained."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from sklearn.metrics import roc_auc_score

from hourglass import models
from hourglass.models.shared.batch import Batch
from hourglass.models.shared.priors import Fitted
from hourglass.registry.export import export, parts_of
from hourglass.runtime.graphs import Graph
from hourglass.settings import declared_settings
from hourglass.training.loop import fit, measure
from hourglass.training.settings import TrainSettings


def hardly_regularised(variant):
    """Give the settings under which the reconstruction is nearly all that counts."""
    declared = declared_settings(models.get(variant))
    return {name: 1e-3 for name, entry in declared.items() if entry.setting.doc.startswith("weight of")}


def test_sixteen_rows_are_learned_by_heart(variant, width, build, tmp_path):
    x = torch.randn(16, 2, 3, generator=torch.Generator().manual_seed(0))
    model, rows = build(latent=2 * width, hidden=[64], **hardly_regularised(variant)), Batch.of(x)
    settings = TrainSettings(epochs=800, batch=16, lr=1e-2, kl_warmup=1.0)
    fit(model, rows, rows, settings, seed=0, folder=tmp_path, first_course_only=True)
    with torch.no_grad():
        error = (model.reconstruct(x) - x).square().mean()
    assert error < 0.05 * x.var(0).mean()


def test_evaluating_twice_gives_the_same_bits(trained):
    model, x = trained.model, trained.unseen
    assert torch.equal(model.reconstruct(x), model.reconstruct(x))
    assert measure(model, Batch.of(x), seed=3) == measure(model, Batch.of(x), seed=3)


def test_saved_and_loaded_weights_give_the_same_bits(trained, build, tmp_path):
    save_file(trained.model.state_dict(), tmp_path / "weights.safetensors")
    loaded = build(seed=1).eval()
    loaded.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    assert torch.equal(loaded.reconstruct(trained.unseen), trained.model.reconstruct(trained.unseen))


def errors(model, x):
    with torch.no_grad():
        return (x - model.reconstruct(x)).square().flatten(1).mean(1)


def test_training_halves_the_error_of_unseen_rows(trained):
    assert errors(trained.model, trained.unseen).mean() < 0.5 * errors(trained.untrained, trained.unseen).mean()


def test_rows_off_the_surface_have_larger_errors_than_rows_on_it(trained):
    off = trained.unseen.flatten()[torch.randperm(1200, generator=torch.Generator().manual_seed(0))].unflatten(
        0, (200, 2, 3)
    )
    both = torch.cat([errors(trained.model, trained.unseen), errors(trained.model, off)])
    assert roc_auc_score([0] * 200 + [1] * 200, both) > 0.8


def test_errors_are_diverse(trained):
    assert len(errors(trained.model, trained.unseen).unique()) == 200


def test_codes_are_diverse_and_as_wide_as_set(trained, width):
    codes = trained.model.encode(trained.unseen)["z"]
    assert codes.shape == (200, trained.model.latent) == (200, width)
    assert len(codes.unique(dim=0)) == 200


def test_decoding_codes_is_the_reconstruction(trained):
    decoded = trained.model.decode(trained.model.encode(trained.unseen)["z"])
    assert decoded.shape == trained.unseen.shape
    assert torch.equal(decoded, trained.model.reconstruct(trained.unseen))


@pytest.mark.long
@torch.no_grad()
def test_exported_graphs_say_what_the_net_says_on_unseen_rows(trained, surface, tmp_path):
    model = trained.model
    fitted = None if model.code_prior else Fitted(model.encode(surface(64, 5))["z"].detach())
    prior = model.prior or fitted
    condition = torch.rand(200, 2, generator=torch.Generator().manual_seed(6)) if model.conditional else None
    export(model, prior, tmp_path, surface(200, 4), condition)
    parts = parts_of(model, prior, trained.unseen, condition)
    assert {f"{name}.onnx" for name in parts} == {path.name for path in tmp_path.iterdir()}
    for name, part in parts.items():
        wanted = part()
        found = Graph(tmp_path / f"{name}.onnx").run(*(value.numpy() for value in part.inputs.values()))
        assert found.keys() == wanted.keys()
        for output, values in wanted.items():
            largest = values.abs().max().item()
            np.testing.assert_allclose(found[output], values.numpy(), rtol=0, atol=1e-5 * largest)
