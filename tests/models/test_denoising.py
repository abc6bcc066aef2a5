import pytest
import torch

from hourglass import models
from hourglass.errors import HourglassError
from hourglass.models.shared.batch import Batch
from hourglass.models.shared.corruptions import CORRUPTIONS
from hourglass.models.shared.terms import Context
from hourglass.training.loop import METRICS_FILE, fit
from hourglass.training.settings import TrainSettings


def build(**settings):
    return models.build("denoising", (2, 3), {"latent": 3, "hidden": [64]} | settings, seed=0)


def trained(surface, folder, **settings):
    model = build(**settings)
    rows = (Batch.of(surface(512, 1)), Batch.of(surface(64, 2)))
    fit(model, *rows, TrainSettings(epochs=60, batch=32, lr=1e-2), seed=0, folder=folder)
    return model.eval()


def squared_error(x, clean):
    return (x - clean).square().mean().item()


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_it_takes_noise_away_at_levels_that_it_was_not_trained_at(surface, tmp_path, corruption):
    model, clean = trained(surface, tmp_path, corruption=corruption), surface(500, 3)
    corrupt, level = CORRUPTIONS[corruption]
    for factor in (0.7, 1.0, 1.5):
        noisy = corrupt(
            clean, level / factor if corruption == "additive" else level * factor, torch.Generator().manual_seed(9)
        )
        with torch.no_grad():
            assert squared_error(model.reconstruct(noisy), clean) < 0.8 * squared_error(noisy, clean)


def test_the_target_is_clean_and_only_the_input_corrupted(surface):
    model, x = build(), surface(20, 0)
    noisy = CORRUPTIONS["gaussian"][0](x, 0.2, torch.Generator().manual_seed(4))
    term = model.losses(Batch.of(x), Context(torch.Generator().manual_seed(4)))["reconstruction"]
    torch.testing.assert_close(term.value, (model.reconstruct(noisy) - x).square().flatten(1).sum(1))


def test_embedding_and_reconstruction_see_rows_as_they_are(surface):
    model, x = build().train(), surface(20, 0)
    assert torch.equal(model.encode(x)["z"], model.encoder(x))
    assert torch.equal(model.reconstruct(x), model.decode(model.encoder(x)))


def test_the_error_on_clean_rows_is_told_apart_and_not_trained_on(surface, tmp_path):
    model, x = build().eval(), surface(20, 0)
    terms = model.losses(Batch.of(x), Context(torch.Generator()))
    torch.testing.assert_close(terms["clean"].value, (model.reconstruct(x) - x).square().flatten(1).sum(1))
    assert terms["clean"].weight == 0
    trained(surface, tmp_path)
    assert '"clean"' in (tmp_path / METRICS_FILE).read_text()


@pytest.mark.parametrize(("corruption", "level"), [("masking", 1.0), ("drop_out", -0.1), ("gaussian", 0.0)])
def test_a_level_that_makes_no_sense_is_refused_in_a_sentence(corruption, level):
    with pytest.raises(HourglassError, match=rf"params\.yaml: denoising\.level is {level:g}; {corruption} takes a "):
        build(corruption=corruption, level=level)
