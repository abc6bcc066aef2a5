"""The page of each variant: its pictures, and the numbers beside them."""

import base64
import io
from copy import deepcopy
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from hourglass.evaluation.portrait.codebook import codebook
from hourglass.evaluation.portrait.denoising import compare
from hourglass.evaluation.portrait.sparsity import sparsity
from hourglass.report import pictures, words
from hourglass.report.gather import collect
from hourglass.report.numbers import numbers
from hourglass.report.pages import pages
from hourglass.report.walks import Walk, draw

RIVALS = [
    {"name": "corrupted", "strength": None, "psnr": 12.34, "ssim": 0.5},
    {"name": "median", "strength": 3, "psnr": 16.0, "ssim": 0.75},
]
MEASURES = [
    "How much of a row is explained",
    "The way of a class",
    "What the code is good for",
    "Drawn and remembered",
]
BITS = {"prior_bits": 2.5, "unigram_bits": 3.25, "uniform_bits": 4.0}


def with_everything(variant):
    """Give a variant that has all that any has to show."""
    draw = np.random.default_rng(0)
    settings = {"entries": 16, "settings": {"quantiser": "residual"}}
    entries, usage = codebook(SimpleNamespace(config=settings), draw.integers(0, 12, (40, 4)))
    active, rates = sparsity(np.maximum(draw.normal(-1, 1, (40, 16)), 0), {"sparsity": "l1"})
    levels = [
        {"level": level, "held_out": level != 0.2} | compare(np.eye(3), np.eye(3) + level, np.eye(3) + 0.1)
        for level in (0.1, 0.2, 0.4)
    ]
    facts = {
        "codebook": entries,
        "sparsity": active,
        "denoising": {"corruption": "salt_and_pepper", "clean_mse": 0.0123, "levels": levels, "rivals": RIVALS},
        "translation": {"known": "photo", "mse": 0.25, "mean_mse": 0.5, "rivals": RIVALS[:1]},
        "conditions": {"column": "digit", "values": ["0", "<b>"], "of": 10},
    }
    shown = ("denoising_noisy", "denoising_rebuilt", "denoising_clean", "translation_made", "translation_real")
    rows = {name: draw.random((8, 1, 8, 8)) for name in shown}
    prior = {"course": "prior", "best": 1.0, "best_epoch": 2, "epoch": 3, "step": 1, "monitor": None}
    epochs = [
        {"course": "prior", "epoch": epoch, "train": {}, "validation": {}, "code": BITS if epoch == 2 else {}}
        for epoch in (1, 2, 3)
    ]
    return replace(
        variant,
        evaluation=variant.evaluation | {"portrait": variant.evaluation["portrait"] | facts},
        portrait=variant.portrait | usage | rates | rows | {"condition_x": draw.random((2, 8, 1, 8, 8))},
        model=variant.model | {"courses": [*variant.model["courses"], prior]},
        epochs=[*variant.epochs, *epochs],
    )


@pytest.fixture(scope="module")
def facts(images):
    found = collect(images.project, images.params, None)
    return replace(found, variants=tuple(with_everything(one) for one in found.variants if one.name == "vae"))


@pytest.fixture(scope="module")
def shown(facts):
    (page,) = pages(facts)
    return {panel.title: panel for panel in page.panels}


def test_a_variant_shows_what_it_has(shown):
    assert list(shown) == [
        "Along each unit",
        "From row to row",
        "Made to order",
        "Translation",
        "Denoising",
        "Use of the codebook",
        "Active units of a row",
        "Use of the units",
        "Codes against the prior",
        *MEASURES,
    ]


@pytest.mark.slow
def test_the_stages_bring_each_variant_what_it_has_to_show(special):
    found = pages(collect(special.project, special.params, None))
    titles = {page.variant.name: [panel.title for panel in page.panels] for page in found}
    own = {name: [title for title in shown[2:] if title not in MEASURES] for name, shown in titles.items()}
    assert own == {
        "cvae": ["Made to order", "Codes against the prior"],
        "denoising": ["Denoising"],
        "sparse": ["Active units of a row", "Use of the units"],
        "vq_vae": ["Use of the codebook"],
    }
    assert "Bits per place under the Transformer" in special.plain


@pytest.mark.parametrize("kind", ["images", "signals", "table"])
def test_every_variant_has_a_page_that_the_leaderboard_leads_to(kind, request):
    ran = request.getfixturevalue(kind)
    for name in ran.params.variants:
        assert f'<a href="#variant-{name}">{name}</a> <small>' in ran.plain
        assert ran.plain.count(f'id="variant-{name}"') == 1


@pytest.mark.parametrize(("kind", "part"), [("images", "films"), ("table", "strip"), ("signals", "figure")])
def test_walks_are_drawn_as_the_data_asks_for(kind, part, request):
    ran = request.getfixturevalue(kind)
    for page in pages(collect(ran.project, ran.params, None)):
        for panel in page.panels[:2]:
            assert part in panel.picture


def test_units_stand_in_the_order_of_their_kl(images, shown):
    found = images.evaluation("vae")["portrait"]["traversals"]
    films = shown["Along each unit"].picture["films"]
    assert [film.name for film in films] == [f"unit {unit}" for unit in found["units"]]
    assert [film.note for film in films] == [f"{kl:.2f} nats" for kl in found["kl"]]
    assert shown["Along each unit"].caption.startswith("The units, those with the largest KL first")


def test_of_many_units_the_page_says_how_many_it_shows(facts):
    (variant,) = facts.variants
    wide = replace(variant, evaluation=variant.evaluation | {"latent": 99})
    (page,) = pages(replace(facts, variants=(wide,)))
    assert page.panels[0].caption.startswith("The 4 of 99 units with the largest KL")


def test_each_value_of_a_condition_has_a_row_of_samples(shown):
    assert [film.name for film in shown["Made to order"].picture["films"]] == ["0", "<b>"]
    assert "The first 2 of 10 values." in shown["Made to order"].caption


def test_the_gains_of_denoising_are_those_of_the_evaluation(facts, shown):
    panel = shown["Denoising"]
    assert panel.table == facts.variants[0].evaluation["portrait"]["denoising"]["levels"]
    assert panel.numbers == [("Mean squared error on clean rows", "0.012")]
    assert "(salt and pepper)" in panel.caption


def test_the_page_tells_what_denoising_gains_and_at_which_levels(signals):
    for level in signals.evaluation("denoising")["portrait"]["denoising"]["levels"]:
        assert f">{words.gain(level['gain'])}</td>" in signals.plain
        assert (f"{words.plain(level['level'])}</th>" in signals.plain) == level["held_out"]
    assert '10 <span class="none">as in training</span></th>' in signals.plain


def test_rivals_stand_in_a_table_with_their_strength(shown):
    rivals = shown["Denoising"].rivals
    assert rivals.head == ["PSNR, dB", "SSIM"]
    assert rivals.rows == [("corrupted", "", ["12.3", "0.500"]), ("median", "3", ["16.0", "0.750"])]
    assert len(shown["Translation"].rivals.rows) == 1


def test_the_page_tells_how_near_the_model_and_its_rivals_come(signals):
    rivals = signals.evaluation("denoising")["portrait"]["denoising"]["rivals"]
    for one in (rivals[0], rivals[-1]):
        assert f'{one["name"]}</th><td class="figure">{one["psnr"]:.1f}</td>' in signals.plain


def test_a_translation_stands_beside_what_is_real_and_the_error_of_the_mean(shown):
    assert [film.name for film in shown["Translation"].picture["films"]] == ["made", "real"]
    assert [value for _, value in shown["Translation"].numbers] == ["0.250", "0.500"]


def test_bits_of_the_prior_stand_beside_those_of_frequencies_and_chance(shown):
    numbers = dict(shown["Use of the codebook"].numbers)
    assert numbers["Bits per place under the Transformer"] == "2.500"
    assert numbers["Bits per place under their frequencies"] == "3.250"
    assert numbers["Bits per place under chance"] == "4.000"


def test_both_codebooks_of_a_residual_quantiser_are_told(facts, shown):
    numbers = dict(shown["Use of the codebook"].numbers)
    for place, book in enumerate(facts.variants[0].evaluation["portrait"]["codebook"]["books"], 1):
        assert numbers[f"Perplexity, codebook {place}"] == f"{words.number(book['perplexity'])} of 16"
        assert numbers[f"Entries that no row chose, codebook {place}"] == "4"


def test_sparsity_is_told_in_numbers(facts, shown):
    found = facts.variants[0].evaluation["portrait"]["sparsity"]
    (l0,), (dead,) = (shown[title].numbers for title in ("Active units of a row", "Use of the units"))
    assert l0[1] == f"{words.number(found['l0'])} of 4"
    assert dead[1] == f"{found['dead']} of 4"


@pytest.mark.parametrize(("p", "said"), [(0.4, "could be draws of the prior"), (0.002, "can be told from draws")])
def test_the_test_of_the_prior_is_put_into_words(facts, p, said):
    (variant,) = facts.variants
    portrait = variant.evaluation["portrait"] | {"prior": {"mmd": 0.01, "p_value": p, "rows": 50}}
    (page,) = pages(
        replace(facts, variants=(replace(variant, evaluation=variant.evaluation | {"portrait": portrait}),))
    )
    (panel,) = (one for one in page.panels if one.title == "Codes against the prior")
    assert said in panel.caption


def test_the_measures_of_codes_stand_in_the_json_too(facts):
    found = numbers(facts)["variants"]["vae"]
    assert found["evaluation"]["portrait"] == facts.variants[0].evaluation["portrait"]
    assert found["code"]["prior"] == BITS


def test_a_film_holds_its_images_from_left_to_right(images):
    facts = collect(images.project, images.params, None)
    scale = pictures.Scale.of(facts.data, facts.variants)
    rows = np.stack([np.full((1, 8, 8), value) for value in (0.0, 0.5, 1.0)])
    ends = np.stack([np.full((1, 8, 8), value) for value in (1.0, 0.0)])
    picture = draw(facts.data, scale, [Walk("w", rows, ends)], name="n", label="l")
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(picture["films"][0].source.split(",")[1]))))
    assert pixels.shape == (8, 5 * 8 + 2 * 3 + 2 * 1, 2)
    solid = pixels[0, pixels[0, :, 1] == 255, 0]
    assert solid.reshape(5, 8).tolist() == [[grey] * 8 for grey in (255, 0, 128, 255, 0)]
    assert "5 images" in picture["films"][0].alt


def test_a_strip_tells_what_a_walk_changes(table):
    facts = collect(table.project, table.params, None)
    scale = pictures.Scale.of(facts.data, facts.variants)
    rows = np.zeros((3, len(facts.data.features)))
    rows[:, 4] = [1, 2, 3]
    picture = draw(facts.data, scale, [Walk("w", rows)], name="n", label="l", changes=True)
    strip = picture["strip"]
    assert facts.data.features[4] in strip.features
    assert len(strip.features) < len(facts.data.features)
    assert picture["limit"] == pytest.approx(1)


def test_the_bound_stands_beside_what_a_row_costs(facts, shown):
    found = facts.variants[0].evaluation["bounds"]
    numbers = dict(shown["How much of a row is explained"].numbers)
    assert numbers["Rate"] == f"{words.number(found['rate'])} nats"
    last = found["iwae"][-1]
    assert numbers["Bound by 1,000 draws"].startswith(words.number(last["bound"]))
    assert "</svg>" in shown["How much of a row is explained"].picture["figure"]


def test_codes_stand_beside_pcas_and_samples_beside_mixture_and_training_rows(facts, shown):
    code, drawn = (shown[title].rivals for title in ("What the code is good for", "Drawn and remembered"))
    found = facts.variants[0].evaluation
    assert code.head == ["Linear", "5 nearest", "NMI", "ARI", "Trust", "Continuity"]
    assert [name for name, *_ in code.rows] == ["the code", "PCA's"]
    assert code.rows[0][2][0] == f"{found['representation']['model']['linear']:.3f}"
    of_code = found["representation"]["model"]
    assert code.rows[0][2][2] == f"{of_code['nmi']:.3f} ± {of_code['nmi_sd']:.3f}"
    assert [name for name, *_ in drawn.rows] == ["samples", "mixture of codes", "training rows"]
    mixture = found["generation"]["aggregate"]
    assert drawn.rows[1][2][0] == f"{words.number(mixture['coverage'])} ± {words.number(mixture['coverage_sd'])}"
    assert drawn.rows[2][2][0] == words.number(found["generation"]["train"]["coverage"])
    assert drawn.rows[2][2][-1] == "", "training rows are the training rows"
    assert found["generation"]["space"] in drawn.caption


def test_an_evaluation_of_an_older_version_is_shown_without_what_it_lacks(facts, shown):
    (variant,) = facts.variants
    old = deepcopy(variant.evaluation)
    del old["representation"]["sets"], old["posterior"]["information_rows"], old["portrait"]["interpolations"]["pairs"]
    (page,) = pages(replace(facts, variants=(replace(variant, evaluation=old),)))
    assert {panel.title for panel in page.panels} == shown.keys()
    (bounds,) = (panel for panel in page.panels if panel.title == "How much of a row is explained")
    said = f"{words.number(old['posterior']['mutual_information'])} nats"
    assert ("What codes say of their rows, at least", said) in bounds.numbers


def test_each_class_has_its_way(facts, shown):
    found = facts.variants[0].evaluation["portrait"]["directions"]
    films = shown["The way of a class"].picture["films"]
    assert [film.note for film in films] == [f"AUROC {auroc:.2f}" for auroc in found["auroc"]]
    assert "The first 8 of 9 classes." in shown["The way of a class"].caption


def test_each_number_has_its_way(table):
    (variant,) = (facts := collect(table.project, table.params, None)).variants
    (page,) = pages(facts)
    (panel,) = (one for one in page.panels if one.title == "The way of a number")
    found = variant.evaluation["portrait"]["attributes"]
    assert f"The 8 of {found['of']} that codes tell best." in panel.caption
    drawn = [name for name, *_ in panel.picture["strip"].groups]
    assert drawn == [f"{name} R² {r2:.2f}" for name, r2 in zip(found["names"], found["r2"], strict=True)]


def test_a_model_without_a_posterior_has_no_bound_and_rows_without_classes_no_way(table):
    (page, *_) = (one for one in pages(collect(table.project, table.params, None)) if one.variant.name == "autoencoder")
    titles = [panel.title for panel in page.panels]
    assert "How much of a row is explained" not in titles
    assert {"What the code is good for", "Drawn and remembered"} <= set(titles)
