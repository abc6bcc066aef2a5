import json
from math import inf

import numpy as np
import pytest
import torch

from hourglass import models
from hourglass.errors import HourglassError
from hourglass.models.shared.batch import Batch
from hourglass.models.shared.diagnostics import perplexity
from hourglass.models.shared.terms import Context
from hourglass.registry.export import export
from hourglass.training import steps
from hourglass.training.loop import METRICS_FILE, fit, measure
from hourglass.training.settings import TrainSettings

SHAPE = (2, 3)


def build(**settings):
    return models.build("vq_vae", SHAPE, {"latent": 4, "hidden": [64], "entries": 32, "width": 32} | settings, seed=0)


def trained(surface, folder, **settings):
    model = build(**settings)
    rows = (Batch.of(surface(2048, 1)), Batch.of(surface(512, 2)))
    fit(model, *rows, TrainSettings(epochs=25, batch=64, lr=5e-3), seed=0, folder=folder)
    return model.eval()


@pytest.fixture(scope="module")
def model(surface, tmp_path_factory):
    return trained(surface, tmp_path_factory.mktemp("codebook"))


def curve(rows, seed):
    """Draw rows on a line with one degree of freedom, so that one piece of a code tells much of the next."""
    place = torch.rand(rows, 1, generator=torch.Generator().manual_seed(seed))
    return torch.sin(place * torch.arange(1, 7) * 2).unflatten(1, SHAPE)


def test_the_prior_needs_fewer_bits_than_frequencies_and_these_fewer_than_chance(tmp_path):
    model = trained(curve, tmp_path)
    with torch.no_grad():
        bits = model.diagnose_prior(Batch.of(curve(512, 3)), torch.Generator())
    assert bits["prior_bits"] < 0.75 * bits["unigram_bits"]
    assert bits["unigram_bits"] < bits["uniform_bits"] == 5


@torch.no_grad()
def test_bits_are_those_of_the_term_per_place(model, surface):
    x = surface(512, 3)
    term = model.prior_losses(Batch.of(x), Context(torch.Generator()))["prior"].value
    bits = model.diagnose_prior(Batch.of(x), torch.Generator())["prior_bits"]
    assert bits == pytest.approx(term.mean().item() / np.log(2) / 2, rel=1e-5)


@torch.no_grad()
def test_nearly_all_entries_are_used(model, surface):
    found = model.diagnose(Batch.of(surface(2048, 3)), torch.Generator())
    assert found["used_entries"] >= 0.9 * 32
    assert 0.5 * 32 < found["perplexity"] <= found["used_entries"]


def test_the_perplexity_of_an_epoch_is_that_of_all_its_codes_and_no_mean_of_batches(surface, tmp_path, monkeypatch):
    monkeypatch.setattr(steps, "RECORDED_AFTER", inf)  # a replayed step calls no module, so no hook
    model, seen = build(), []
    model.quantiser.register_forward_hook(lambda net, _, found: seen.append(found.entries) if net.training else None)
    rows = (Batch.of(surface(512, 1)), Batch.of(surface(64, 2)))
    fit(model, *rows, TrainSettings(epochs=2, batch=16, lr=5e-3), seed=0, folder=tmp_path)
    told = [json.loads(line)["code"] for line in (tmp_path / METRICS_FILE).read_text().splitlines()]

    def perplexity_of(batches):
        return perplexity(torch.cat(batches), 32)["perplexity"]

    assert len(seen) == 64
    for epoch, batches in zip(told, (seen[:32], seen[32:]), strict=False):
        assert epoch["epoch_perplexity"] == pytest.approx(perplexity_of(batches))
        assert epoch["epoch_perplexity"] > 1.05 * np.mean([perplexity_of([batch]) for batch in batches])


@pytest.mark.parametrize("quantiser", ["residual", "finite"])
def test_the_perplexity_of_an_epoch_is_told_for_every_quantiser(surface, quantiser):
    model, batch = build(quantiser=quantiser), Batch.of(surface(64, 1))
    model.losses(batch, Context(torch.Generator().manual_seed(0)))
    found, again = (model.eval().diagnose(batch, torch.Generator()) for _ in range(2))
    assert 1 < found["epoch_perplexity"] <= model.quantiser.entries
    assert "epoch_perplexity" not in again, "a new epoch has chosen nothing yet"


@pytest.mark.long
def test_a_second_codebook_rebuilds_better(model, surface, tmp_path):
    residual, unseen = trained(surface, tmp_path, quantiser="residual"), Batch.of(surface(512, 3))
    errors = [measure(one, unseen, seed=0)["reconstruction"] for one in (residual, model)]
    assert errors[0] < 0.8 * errors[1]


@pytest.mark.long
def test_finite_numbers_need_no_commitment_and_train_as_well(surface, tmp_path):
    finite, unseen = trained(surface, tmp_path, quantiser="finite"), Batch.of(surface(512, 3))
    found = measure(finite, unseen, seed=0)
    assert set(found) == {"reconstruction"}
    assert found["reconstruction"] < 0.1 * unseen.x.var(0).sum()


def test_codes_are_decoded_by_their_entries_alone(model, surface):
    codes = model.encode(surface(64, 5))
    torch.testing.assert_close(model.decode_index(codes["index"]), model.decode(codes["z"]))
    nudged = codes["z"] + 1e-4 * torch.randn(codes["z"].shape, generator=torch.Generator().manual_seed(0))
    same = (model.encode(surface(64, 5))["index"] == model._index(nudged)).all(1)
    assert same.float().mean() > 0.9
    assert torch.equal(model.decode(nudged)[same], model.decode(codes["z"])[same])


@pytest.mark.long
def test_rows_at_a_tie_may_differ_between_graph_and_net(model, surface, tmp_path):
    x = surface(64, 6)
    with torch.no_grad():
        assert (model.margin(x) > 1e-5).float().mean() > 0.9
    export(model, None, tmp_path, x)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"pieces": 3}, "vq_vae.latent is 4, which vq_vae.pieces 3 doesn't divide"),
        ({"width": 30, "heads": 4}, "vq_vae.width is 30, which vq_vae.heads 4 doesn't divide"),
        ({"quantiser": "finite", "levels": 256, "latent": 16, "pieces": 4}, "set fewer levels or more pieces"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(settings, sentence):
    with pytest.raises(HourglassError, match=sentence):
        build(**settings)


@pytest.mark.parametrize(("latent", "pieces"), [(1, 1), (2, 1), (3, 1), (7, 7), (8, 4), (9, 3), (64, 32)])
def test_pieces_have_few_units_unless_given(latent, pieces):
    assert build(latent=latent).pieces == pieces


@torch.no_grad()
def test_a_second_codebook_that_is_dead_shows(surface):
    model = build(quantiser="residual").eval()
    model.quantiser.second.codebook[1:] = 1e6
    assert model.diagnose(Batch.of(surface(256, 3)), torch.Generator())["used_entries"] == 1
