from math import log10

import pytest
import torch
from sklearn.datasets import load_digits

from hourglass import models
from hourglass.errors import HourglassError
from hourglass.evaluation.probes import clusters
from hourglass.models.shared.batch import Batch
from hourglass.models.shared.corruptions import CORRUPTIONS, OF_IMAGES, SPECTRAL, amplitude
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


def ratio(clean, x):
    """Signal-to-noise ratio in dB, the signal being a row without its mean."""
    signal = (clean - clean.flatten(1).mean(1).view(-1, *[1] * (clean.dim() - 1))).square().mean()
    return 10 * torch.log10(signal / (x - clean).square().mean()).item()


@torch.no_grad()
def gains(model, clean, corruption):
    """Give what reconstruction adds to the ratio, at noise from two thirds to half as much again as in training."""
    corrupt, level = CORRUPTIONS[corruption]
    found = []
    for factor in (0.67, 1.0, 1.5):
        other = level - 20 * log10(factor) if corruption == "additive" else level * factor
        noisy = corrupt(clean, other, torch.Generator().manual_seed(9))
        found.append(ratio(clean, model.reconstruct(noisy)) - ratio(clean, noisy))
    return found


@pytest.mark.parametrize("corruption", sorted(CORRUPTIONS.keys() - SPECTRAL.keys() - OF_IMAGES))
def test_the_signal_to_noise_ratio_rises_also_at_levels_that_training_did_not_see(surface, tmp_path, corruption):
    model = trained(surface, tmp_path, corruption=corruption)
    found = gains(model, surface(500, 3), corruption)
    assert min(found) > 1, found


def waves(rows, seed):
    """Draw signals of one channel: waves of different pitch, phase and height."""
    generator = torch.Generator().manual_seed(seed)
    pitch, phase, height = (torch.rand(rows, 1, 1, generator=generator) for _ in range(3))
    return (0.5 + height) * torch.sin(torch.arange(32) * (0.2 + 0.2 * pitch) + 6.3 * phase)


@pytest.mark.parametrize("corruption", ["additive", "drop_out"])
def test_noise_and_drop_outs_of_signals_are_taken_away(tmp_path, corruption):
    settings = {"latent": 6, "hidden": [64], "net": "mlp", "corruption": corruption}
    model = models.build("denoising", (1, 32), settings, seed=0)
    rows = (Batch.of(waves(1024, 1)), Batch.of(waves(128, 2)))
    fit(model, *rows, TrainSettings(epochs=40, batch=64, lr=5e-3), seed=0, folder=tmp_path)
    found = gains(model.eval(), waves(500, 3), corruption)
    assert min(found) > 3, found


def test_levels_differ_from_row_to_row_in_training_alone(monkeypatch):
    model, x = build(spread=6.0), torch.zeros(50, 2, 3)
    seen = []
    monkeypatch.setattr(model, "corruption", lambda rows, level, generator: (seen.append(level), rows)[1])
    for training in (True, False):
        model.train(training).losses(Batch.of(x), Context(torch.Generator().manual_seed(0)))
    assert len(seen[0].unique()) == 50
    assert seen[1] == model.level


def test_rows_are_corrupted_in_training_and_in_the_measure_of_denoising_and_nowhere_else(surface):
    model, x = build(), surface(20, 0)
    clean = model.reconstruct(x)
    for mode in (model.train(), model.eval()):
        assert torch.equal(mode.reconstruct(x), clean)
    terms = model.eval().losses(Batch.of(x), Context(torch.Generator().manual_seed(4)))
    assert not torch.equal(terms["reconstruction"].value, terms["clean"].value)


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


def test_a_warp_of_what_is_no_image_is_refused_in_a_sentence():
    with pytest.raises(HourglassError, match=r"corruption 'warp' is for images .* and a row has the shape \(2, 3\)"):
        build(corruption="warp")


@pytest.mark.long
def test_codes_that_undo_a_warp_fall_into_the_classes_of_digits(tmp_path):
    digits = load_digits()
    images = torch.from_numpy(digits.images[:, None]).float() / 16
    parts = Batch.of(images[:1200]), Batch.of(images[1200:1400])
    agreement = {}
    for corruption, level in (("masking", 0.25), ("warp", None)):
        settings = {"latent": 16, "hidden": [128], "net": "mlp", "corruption": corruption, "level": level}
        model, folder = models.build("denoising", (1, 8, 8), settings, seed=0), tmp_path / corruption
        folder.mkdir()
        fit(model, *parts, TrainSettings(epochs=60, batch=50, lr=3e-3), seed=0, folder=folder)
        z = model.eval().encode(images)["z"].detach().numpy()
        agreement[corruption] = clusters(z[:1400], z[1400:], digits.target[1400:], classes=10, seed=0)["nmi"]
    assert agreement["warp"] > agreement["masking"] + 0.05, agreement


def test_rows_that_talk_behind_each_other_are_coupled():
    assert build(corruption="babble").couples_rows
    assert not build(corruption="rician").couples_rows


def test_amplitudes_are_weighed_where_they_are_asked_for():
    model = build(corruption="rician", amplitude=0.5)
    batch = Batch.of(1 + torch.rand(4, 2, 3, generator=torch.Generator().manual_seed(0)))
    terms = model.losses(batch, Context(torch.Generator().manual_seed(0)))
    assert set(terms) == {"reconstruction", "amplitude"}
    assert terms["amplitude"].weight == 0.5
    (gradient,) = torch.autograd.grad(terms["amplitude"].value.sum(), [model.decoder[-2].bias])
    assert gradient.abs().max() > 0
    with pytest.raises(HourglassError, match=r"amplitude is 1, and corruption 'gaussian' isn't for spectrograms"):
        build(amplitude=1)


MASKED = {"corruption": "rician", "amplitude": 0.5, "mask": True}


def spectra(rows=4):
    return 1 + torch.rand(rows, 2, 3, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def test_a_mask_weighs_the_amplitudes_that_come_in():
    model, x = build(**MASKED).eval(), spectra()
    last = model.mask[-2]
    last.weight.zero_()
    for logit, weight in ((40.0, 1.0), (0.0, 0.5), (-40.0, 0.0)):
        last.bias.fill_(logit)
        torch.testing.assert_close(amplitude(model.reconstruct(x)), weight * amplitude(x), atol=1e-5, rtol=1e-5)
    assert not torch.equal(model.decode(model.encode(x)["z"]), model.reconstruct(x))


def test_codes_hold_the_weights_and_the_decoder_shows_them_without_a_say():
    model, x = build(**MASKED), spectra()
    terms = model.losses(Batch.of(x), Context(torch.Generator().manual_seed(0)))
    assert set(terms) == {"reconstruction", "amplitude", "decoded"}
    for name, parts in {"reconstruction": "em", "amplitude": "em", "decoded": "d"}.items():
        nets = {"e": model.encoder, "d": model.decoder, "m": model.mask}
        weights = [next(net.parameters()) for net in nets.values()]
        found = torch.autograd.grad(terms[name].value.sum(), weights, retain_graph=True, allow_unused=True)
        assert "".join(part for part, one in zip(nets, found, strict=True) if one is not None) == parts


@pytest.mark.parametrize("other", [{"amplitude": 0.0}, {"likelihood": "gaussian"}])
def test_a_mask_of_what_is_no_spectrogram_is_refused(other):
    with pytest.raises(HourglassError, match=r"denoising\.mask weighs the amplitudes of spectrograms; set "):
        build(**MASKED | other)
