import pytest
import torch

from hourglass import models
from hourglass.models.shared.batch import Batch
from hourglass.models.shared.terms import Context
from hourglass.training.loop import fit
from hourglass.training.precision import computing
from hourglass.training.settings import TrainSettings


def rows(count, seed):
    """Draw rows near a curved surface of two dimensions."""
    directions = torch.randn(2, 20, generator=torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(seed)
    noise = 0.1 * torch.randn(count, 20, generator=generator)
    return Batch.of((2 * torch.randn(count, 2, generator=generator) @ directions).tanh() + noise)


@pytest.fixture
def train(tmp_path):
    def train(precision, variant="vae", **settings):
        model = models.build(variant, (20,), {"latent": 2, "hidden": [32]} | settings, seed=0)
        train_settings = TrainSettings(epochs=15, batch=64, lr=5e-3, kl_warmup=0.0, precision=precision)
        (course, *_) = fit(model, rows(640, 1), rows(300, 2), train_settings, seed=0, folder=tmp_path)
        return model, course.best

    return train


@pytest.mark.parametrize(("variant", "settings"), [("autoencoder", {}), ("vae", {"likelihood": "mse"})])
def test_training_in_bfloat16_costs_less_than_one_percent_of_the_held_out_loss(variant, settings, train):
    (narrow, low), (wide, high) = (train(precision, variant, **settings) for precision in ("bfloat16", "float32"))
    assert low == pytest.approx(high, rel=0.01)
    assert any(not torch.equal(narrow.state_dict()[name], value) for name, value in wide.state_dict().items())


@pytest.mark.parametrize("variant", ["vae", "vq_vae", "adversarial", "contractive"])
def test_weights_codes_and_terms_stay_in_float32(variant):
    model = models.build(variant, (20,), {"latent": 4, "hidden": [32]}, seed=0)
    seen, context = [], Context(torch.Generator().manual_seed(0))
    first = next(module for module in model.encoder.modules() if isinstance(module, torch.nn.Linear))
    first.register_forward_hook(lambda *found: seen.append(found[2].dtype))
    with computing(model, "bfloat16"):
        terms = [term for phase in model.phases() for term in phase.losses(rows(16, 0), context).values()]
        code = model.encode(rows(16, 0).x)["z"]
    assert seen[0] == torch.bfloat16
    assert set(seen) == {torch.bfloat16} | ({torch.float32} if variant == "contractive" else set())
    assert {term.value.dtype for term in terms} | {code.dtype} == {torch.float32}
    assert {value.dtype for value in model.state_dict().values() if value.is_floating_point()} == {torch.float32}


@pytest.mark.parametrize("normalisation", ["batch", "group"])
def test_a_penalty_on_the_slope_of_convolutions_is_differentiated(normalisation):
    settings = {"latent": 2, "hidden": [8], "net": "convolutional", "normalisation": normalisation}
    model = models.build("rae", (1, 8, 8), settings, seed=0)
    rows = Batch.of(torch.rand(16, 1, 8, 8, generator=torch.Generator().manual_seed(0)))
    with computing(model, "bfloat16"):
        terms = model.losses(rows, Context(torch.Generator().manual_seed(0)))
    weights = next(model.decoder.parameters())
    assert torch.autograd.grad(terms["gradient"].value.sum(), weights)[0].isfinite().all()


def test_nets_compute_in_float32_again_afterwards():
    model = models.build("autoencoder", (20,), {"latent": 2, "hidden": [32]}, seed=0)
    before = model.encoder(rows(16, 0).x)
    with computing(model, "bfloat16"):
        narrow = model.encoder(rows(16, 0).x)
    assert not torch.equal(narrow, before)
    assert torch.equal(model.encoder(rows(16, 0).x), before)
