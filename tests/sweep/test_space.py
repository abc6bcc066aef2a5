"""What a sweep may set is held against the settings' own types and bounds."""

from pathlib import Path

import pytest

from hourglass import models, params
from hourglass.errors import HourglassError
from hourglass.params import Params
from hourglass.settings import declared_settings
from hourglass.sweep import space
from hourglass.sweep.space import Choice, Range


@pytest.fixture
def load(tmp_path: Path):
    def load(swept: str, variants: str = "[vae]") -> Params:
        path = tmp_path / "params.yaml"
        sections = "".join(f"{name}: {{}}\n" for name in ("vae", "beta_vae", "autoencoder", "overcomplete"))
        path.write_text(f"variants: {variants}\n{sections}sweep: {{{swept}}}\n")
        return params.load(path)

    return load


def test_lists_are_choices_and_ends_are_ranges_of_the_settings_type(load):
    loaded = load(
        "space: {vae.hidden: [null, [8, 4]], vae.latent: {low: 2, high: 64, log: true}, train.lr: {low: 1, high: 2}}"
    )
    assert space.read(loaded, "vae") == {
        "train.lr": Range(1.0, 2.0, log=False, whole=False),
        "vae.hidden": Choice((None, [8, 4])),
        "vae.latent": Range(2, 64, log=True, whole=True),
    }


@pytest.mark.parametrize(
    ("variant", "setting", "range_"),
    [
        ("vae", "sigma: {low: 0.1, high: 1}", Range(0.1, 1.0, log=False, whole=False)),
        ("overcomplete", "latent: {low: 64, high: 99}", Range(64, 99, log=False, whole=True)),
    ],
)
def test_a_number_that_may_be_something_else_has_a_range_too(load, variant, setting, range_):
    loaded = load(f"metric: select, space: {{{variant}.{setting}}}", f"[{variant}]")
    assert list(space.read(loaded, variant).values()) == [range_]


def test_settings_of_other_variants_are_left_out(load):
    loaded = load("space: {vae.latent: [2], autoencoder.latent: [4]}", "[vae, autoencoder]")
    assert list(space.read(loaded, "autoencoder")) == ["autoencoder.latent"]


SENTENCES = {
    "vae.latnt: [2]": "sweep.space: unknown key 'vae.latnt'; did you mean 'vae.latent'?",
    "vae.latent: [2, 0]": "sweep.space: vae.latent is 0; it should be greater than or equal to 1, or 'auto'.",
    "vae.latent: [2, auto]": "sweep.space: vae.latent holds 'auto', a search of its own; name numbers.",
    "vae.latent: {low: 2.5, high: 4}": "sweep.space: vae.latent is 2.5; it should be a valid integer, or 'auto'.",
    "vae.latent: {low: 0, high: 4}": "sweep.space: vae.latent is 0; it should be greater than or equal to 1, ",
    "train.lr: {low: 0.1, high: 20}": "sweep.space: train.lr is 20.0; it should be less than or equal to 10.",
    "train.lr: {low: 0.1, high: 0.01}": "sweep.space: train.lr goes from 0.1 to 0.01; low should be less than high.",
    "train.lr: {low: 0.1}": "sweep.space: train.lr is {'low': 0.1}; expected {low: , high: } of numbers, and log: ",
    "train.lr: {low: 1e-3, high: 1e-2, step: 2}": "sweep.space: train.lr is {'low': 0.001, 'high': 0.01, 'step': 2}; ",
    "train.lr: {low: true, high: 2}": "sweep.space: train.lr is {'low': True, 'high': 2}; expected {low: , high: }",
    "train.warmup: {low: 0, high: 0.5, log: true}": "sweep.space: train.warmup starts at 0, which has no logarithm; ",
    "train.schedule: {low: 0, high: 1}": "sweep.space: train.schedule is no number, so it has no low and high; list ",
    "train.schedule: [cosin]": "sweep.space: train.schedule is 'cosin'; it should be 'constant', 'cosine', ",
    "train.lr: 0.1": "sweep.space: train.lr is 0.1; expected a list of values, or {low: , high: } of a number.",
    "train.lr: []": "sweep.space: train.lr is an empty list; name the values to try.",
    "vae.hidden: [[2], [2]]": "sweep.space: vae.hidden names a value twice; name each once.",
    "train.threads: [1, 2]": "sweep.space: train.threads says how training computes, not what; take it out.",
    "data.normalise: [none]": "sweep.space sets 'data.normalise'; a sweep sets train.* and settings of variants, such ",
    "vae: [1]": "sweep.space: unknown key 'vae'; did you mean 'vae.net'?",
    "vae.likelihood: [mse, bce]": "sweep.space sets vae.likelihood, which changes what the loss of vae measures, so ",
    "": "sweep.space names no setting of train or vae; add one, such as `space: {vae.latent: [4, 8, 16], ",
}


@pytest.mark.parametrize(("text", "sentence"), SENTENCES.items(), ids=SENTENCES)
def test_a_mistake_is_told_in_a_sentence(load, text, sentence):
    with pytest.raises(HourglassError) as refusal:
        space.read(load(f"space: {{{text}}}"), "vae")
    assert str(refusal.value).startswith(f"params.yaml: {sentence}")


def test_what_changes_the_loss_may_be_set_where_selection_decides(load):
    loaded = load("metric: select, space: {beta_vae.beta: [1, 4]}", "[beta_vae]")
    assert space.read(loaded, "beta_vae") == {"beta_vae.beta": Choice((1, 4))}
    with pytest.raises(HourglassError, match=r"so its monitor can't tell which value is better; set sweep\.metric:"):
        space.read(load("space: {beta_vae.beta: [1, 4]}", "[beta_vae]"), "beta_vae")


def test_what_shapes_nets_is_declared_by_every_variant():
    for variant in models.names():
        assert set(space.NETS) <= set(declared_settings(models.get(variant)))


def test_the_variant_is_the_named_one_or_the_only_one(load):
    both = "[vae, autoencoder]"
    assert space.variant_of(load("space: {}"), None) == "vae"
    assert space.variant_of(load("space: {autoencoder.latent: [2]}", both), None) == "autoencoder"
    assert space.variant_of(load("space: {}", both), "undercomplete") == "autoencoder"
    with pytest.raises(
        HourglassError, match=r"a sweep is of one variant, and params\.yaml has vae and autoencoder; name"
    ):
        space.variant_of(load("space: {}", both), None)
    with pytest.raises(HourglassError, match=r"^'sparse' is not among the variants of params\.yaml: vae\.$"):
        space.variant_of(load("space: {}"), "sparse")


def test_numbers_are_rounded_within_their_range():
    dimension = Range(0.00123456, 0.00123466, log=False, whole=False)
    assert dimension.rounded(0.00123459) == 0.00123466
    assert Range(1e-4, 1e-2, log=True, whole=False).rounded(0.00123456) == 0.001235
    assert Range(1, 100_000, log=True, whole=True).rounded(12345) == 12345
