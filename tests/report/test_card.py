"""The model card of a version."""

import re
from dataclasses import replace

import pytest

from hourglass import scores
from hourglass.report import card as cards
from hourglass.report import gather, words

TAGS = {
    "hourglass.data": "d" * 32 + ".dir",
    "hourglass.lock": "e" * 32,
    "hourglass.manifest_sha256": "a" * 64,
    "mlflow.source.git.commit": "c" * 40,
    "hourglass.dirty": "no",
}
PARTS = ["Intended use", "Data", "Model", "Measured", "Threshold and promise", "Limits", "Lineage", "Use"]


def card(ran, variant, **tags):
    return cards.card(ran.project, ran.params, variant, "payments", 3, TAGS | tags)


@pytest.mark.parametrize(("kind", "variant"), [("images", "vae"), ("table", "autoencoder"), ("signals", "denoising")])
def test_a_card_has_all_its_parts_and_fits_the_registry(kind, variant, request):
    text = card(request.getfixturevalue(kind), variant)
    assert text.startswith(f"# payments version 3: {variant}\n")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == PARTS
    assert len(text) <= cards.LONGEST
    assert "\n\n\n" not in text


def test_numbers_are_those_of_the_evaluation(images):
    text = card(images, "vae")
    found = images.evaluation("vae")
    for split in ("selection", "test"):
        model = found[split]["model"]
        assert f"{model['auroc']:.3f} [{model['auroc_low']:.3f}\N{EN DASH}{model['auroc_high']:.3f}]" in text
    assert f"{found['test']['pca']['auroc']:.3f} [" in text
    assert f"{100 * found['test']['model']['false_alarm_rate']:.1f}\u00a0% did" in text


def test_every_score_has_words(images):
    assert set(words.SCORES) == set(scores.names())
    assert f"Its anomaly score is `memory`, the {words.SCORES['memory']}." in card(images, "vae")
    assert f"Memory: the {words.SCORES['memory']}, in the nets'" in images.plain.replace("&#39;", "'")


def test_the_card_says_where_a_version_comes_from_and_how_to_load_it(images):
    text = card(images, "vae")
    for tag in ("hourglass.data", "hourglass.lock", "hourglass.manifest_sha256", "mlflow.source.git.commit"):
        assert TAGS[tag] in text
    assert 'mlflow.pyfunc.load_model("models:/payments/3")' in text
    assert "weren't committed" not in text
    assert "weren't committed" in card(images, "vae", **{"hourglass.dirty": "src/mine.py"})


def test_a_nominal_promise_says_why(signals, images):
    assert "The promised rate is nominal, for the rows are unlabelled" in card(signals, "autoencoder")
    assert "nominal" not in card(images, "vae")


def test_a_score_that_holds_training_rows_is_a_limit(images, monkeypatch):
    facts = gather.collect(images.project, images.params, None)
    for score, holds in (("memory", True), ("neighbours", True), ("whitened", False)):
        others = tuple(replace(one, score=score) for one in facts.variants)
        monkeypatch.setattr(gather, "collect", lambda *_, given=others: replace(facts, variants=given))
        assert ("the package holds training rows" in card(images, "vae")) == holds


def test_only_a_denoiser_is_said_to_denoise(signals):
    assert "`denoise`): additive" in card(signals, "denoising")
    assert "`denoise`" not in card(signals, "autoencoder")


@pytest.mark.slow
def test_a_conditional_model_says_what_it_is_told(special):
    assert "it is told digit" in card(special, "cvae")


def test_names_of_the_data_are_no_markup(images, monkeypatch):
    facts = gather.collect(images.project, images.params, None)
    hostile = [
        replace(facts.data.classes[0], name=f"<b>|`*{number}\n" + 90 * "x", anomalous=True) for number in range(99)
    ]
    many = replace(facts, data=replace(facts.data, classes=tuple(hostile), features=[100 * "f"] * 500))
    monkeypatch.setattr(gather, "collect", lambda *_: many)
    text = card(images, "vae")
    assert "<b>" not in text
    assert "&lt;b>\\|\\`\\*0 x" in text
    assert "more |" in text
    assert len(text) <= cards.LONGEST


def test_a_better_pca_is_admitted(images, monkeypatch):
    facts = gather.collect(images.project, images.params, None)
    (vae,) = (one for one in facts.variants if one.name == "vae")
    test = vae.evaluation["test"]
    better = {"model": test["model"] | {"auroc": 0.5, "relative_error": 1.5}, "pca": test["pca"] | {"auroc": 0.6}}
    variant = replace(vae, evaluation=vae.evaluation | {"test": test | better})
    monkeypatch.setattr(gather, "collect", lambda *_: replace(facts, variants=(variant,)))
    assert card(images, "vae").count("PCA of the same width") == 2
