"""The report as a file: what it says, what it loads, what it leaves alone."""

import base64
import io
import itertools
import json
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from hourglass.errors import HourglassError
from hourglass.evaluation.compare import rank
from hourglass.files import read_json, sha256_of, write_json
from hourglass.registry.standing import Standing, Version
from hourglass.report import pictures, words
from hourglass.report.facts import Alarm, Estimate
from hourglass.report.gather import collect
from hourglass.report.render import render
from hourglass.sweep.records import Records, Trial, folder_of

HOSTILE = "<script>alert('3')</script>"


class Page(HTMLParser):
    """The elements of a page: their tags and attributes, and the text of table rows."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.rows: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, {name: value or "" for name, value in attributes}))
        if tag == "tr":
            self.rows.append("")

    def handle_data(self, data):
        if self.rows:
            self.rows[-1] += f" {data.strip()}"

    def row(self, start: str) -> str:
        return next(row for row in (" ".join(row.split()) for row in self.rows) if start in row)

    def all(self, *tags: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.elements if tag in tags]


@pytest.fixture(scope="module")
def page(images):
    return images.plain


@pytest.fixture
def standing():
    champion = Version("hourglass", 3, "vae", "auroc", 0.9, datetime(2026, 1, 2, 3, 4, tzinfo=UTC), "abc")
    newest = replace(champion, number=4, variant="autoencoder")
    previous = {"autoencoder": {"selection.auroc": 0.25}}
    return Standing("hourglass", champion, newest, "autoencoder isn't better than vae.", previous)


@pytest.mark.parametrize("kind", ["images", "table", "signals"])
def test_the_page_is_smaller_than_five_megabytes(kind, request):
    project = request.getfixturevalue(kind)
    assert len(project.plain.encode()) < 5_000_000


@pytest.mark.parametrize("kind", ["images", "table", "signals"])
def test_the_page_loads_nothing_from_elsewhere(kind, request):
    text = request.getfixturevalue(kind).plain
    found = Page(text)
    assert not found.all("link", "iframe", "object", "embed", "base")
    assert all(one["src"].startswith("data:") for one in found.all("img"))
    assert all(one["href"].startswith("#") for one in found.all("use"))
    files = {one["href"].partition("#")[0] for one in found.all("a")}
    assert files == {"", "explorer.html", "report.json"}
    assert "@import" not in text
    assert not re.search(r"url\((?!#)", text)


@pytest.mark.parametrize("kind", ["images", "signals"])
def test_every_variant_leads_to_its_place_in_the_explorer(kind, request):
    ran = request.getfixturevalue(kind)
    for name in ran.params.variants:
        assert f'<a href="explorer.html#{name}">' in ran.plain


def test_the_page_needs_no_script(page):
    found = Page(page)
    assert not found.all("script")
    assert not [name for _, attributes in found.elements for name in attributes if name.startswith("on")]


def test_a_hostile_class_name_is_shown_as_text(page):
    assert HOSTILE not in page
    assert "&lt;script&gt;alert(&#39;3&#39;)&lt;/script&gt;" in page


def test_a_hostile_column_name_is_shown_as_text(table, tmp_path):
    spoilt = table.copy(tmp_path / "copy")
    package = spoilt.project.output("package", "autoencoder")
    for path in (spoilt.project.dataset / "dataset.json", package / "config.json"):
        path.write_text(path.read_text().replace("mean radius", "<img src=x onerror=alert(1)>"))
    manifest = read_json(package / "manifest.json") | {"config.json": sha256_of(package / "config.json")}
    write_json(package / "manifest.json", manifest)
    assert not any("onerror" in one for one in Page(spoilt.page()).all("img"))
    assert not Page(spoilt.explorer.read_text(encoding="utf-8")).all("img")


def test_the_same_inputs_give_the_same_bytes(images):
    first, numbers = images.page(), images.project.report.with_name("report.json").read_bytes()
    code = (
        "import sys; from pathlib import Path; from hourglass import params; from hourglass.project import Project; "
        "from hourglass.report.render import render; root = Path(sys.argv[1]); "
        "render(Project(root, root), params.load(root / 'params.yaml'), None)"
    )
    environment = os.environ | {"PYTHONHASHSEED": "7", "TZ": "Asia/Kolkata"}
    subprocess.run([sys.executable, "-c", code, images.project.root], env=environment, check=True)
    assert images.project.report.read_text(encoding="utf-8") == first
    assert images.project.report.with_name("report.json").read_bytes() == numbers


@pytest.mark.parametrize("variant", ["autoencoder", "vae"])
def test_the_leaderboard_shows_the_numbers_of_the_evaluation(images, page, variant):
    found = images.evaluation(variant)
    selection, test = found["selection"]["model"], found["test"]["model"]
    row = Page(page).row(f" {variant} {found['latent']} latent")
    for metrics, name in ((selection, "auroc"), (test, "auroc"), (test, "average_precision"), (test, "relative_error")):
        value, low, high = (f"{metrics[name + end]:.3f}" for end in ("", "_low", "_high"))
        assert f"{value} {low}–{high}" in row  # noqa: RUF001


@pytest.mark.parametrize("variant", ["autoencoder", "vae"])
def test_the_alarms_show_the_rates_of_the_evaluation(images, page, variant):
    test = images.evaluation(variant)["test"]["model"]
    text = " ".join(Page(page).rows)
    for name in ("false_alarm_rate", "detection_rate"):
        assert f"{100 * test[name]:.1f}\u00a0%" in text


def test_the_json_beside_holds_the_evaluation_to_the_last_digit(images):
    images.page()
    numbers = json.loads(images.project.report.with_name("report.json").read_text())
    for variant in ("autoencoder", "vae"):
        measured = images.evaluation(variant)
        measured.pop("curves")
        assert numbers["variants"][variant]["evaluation"] == measured


def test_a_refused_variant_is_shown_with_its_reason_and_without_a_rank(images, tmp_path):
    spoilt = images.copy(tmp_path / "copy")
    path = spoilt.project.output("evaluate", "autoencoder") / "evaluation.json"
    write_json(path, read_json(path) | {"failures": ["all rows have the same score", "scores are not finite"]})
    board = rank({name: spoilt.evaluation(name) for name in ("autoencoder", "vae")}, "auto").content()
    board["maps"] = read_json(spoilt.project.comparison / "leaderboard.json")["maps"]
    write_json(spoilt.project.comparison / "leaderboard.json", board)
    found = Page(spoilt.page())
    assert "autoencoder is refused: all rows have the same score; scores are not finite" in found.row("is refused")
    assert found.row(" autoencoder 4 latent").startswith("refused")
    assert found.row(" vae 4 latent").startswith("1 ")


def test_alarms_of_training_and_of_samples_are_shown_with_their_remedies(images, tmp_path):
    spoilt = images.copy(tmp_path / "copy")
    path = spoilt.project.output("train", "vae") / "metrics.jsonl"
    path.write_text(path.read_text().replace('"alarms": []', '"alarms": ["posterior_collapsed"]'))
    path = spoilt.project.output("evaluate", "vae") / "evaluation.json"
    write_json(path, read_json(path) | {"alarms": ["mode collapse: samples cover 3 %"]})
    page = spoilt.page()
    assert "epochs, the last of them 8: the posterior collapsed" in page
    assert "Alarm: mode collapse: samples cover 3 %." in page
    covered = spoilt.evaluation("vae")["generation"]["samples"]["coverage"]
    assert f"samples cover {words.percent(covered)} of as many held-out rows" in page


def test_unlabelled_data_is_rendered_without_detection_of_anomalies(signals):
    text = signals.plain
    found = Page(text)
    assert not [one for one in found.all("svg") if "ROC" in one.get("aria-label", "")]
    assert "AUROC, test" not in text
    assert "unlabelled" in text


def test_curves_have_bands_and_images_a_map(images):
    assert images.plain.count("Precision and recall.") == 2
    assert "the band that holds the whole curve" in images.plain
    assert "original, reconstruction, difference, map" in images.plain
    assert "calibrated on clean rows" in images.plain


def test_the_strangest_rows_of_a_table_stand_with_their_columns(table, images):
    found = table.evaluation("autoencoder")["strangest"]
    for name, share in found[0]["reasons"]:
        assert f"{name} <small>{100 * share:.1f}" in table.plain
    assert "The strangest rows of test" not in images.plain


def test_the_promise_on_unlabelled_data_is_called_nominal(signals):
    assert signals.evaluation("autoencoder")["nominal"]
    assert "<strong>nominal</strong>" in signals.plain


def test_without_a_registry_the_page_says_so_and_shows_the_rest(images):
    text = images.page(None)
    assert "Of the registry nothing is known" in text
    assert 'id="leaderboard"' in text


def test_the_headline_names_the_champion_and_the_gate_is_quoted(images, standing):
    text = images.page(standing)
    assert "hourglass version 3 (vae) is champion" in text
    assert "The gate said of the newest, version 4 (autoencoder): autoencoder isn&#39;t better than vae." in text


def test_the_change_is_against_the_previous_run_of_the_same_variant(images, standing):
    now = images.evaluation("autoencoder")["selection"]["model"]["auroc"]
    found = Page(images.page(standing))
    assert words.signed(now - 0.25) in found.row(" autoencoder 4 latent")
    assert "no earlier run" in found.row(" vae 4 latent")


def test_a_width_that_training_chose_is_what_is_packaged_and_its_curve_is_shown(signals, images):
    trained = read_json(signals.project.output("train", "autoencoder") / "model.json")
    chosen, tried = trained["widths"]["chosen"], trained["widths"]["tried"]
    assert trained["settings"]["latent"] == signals.evaluation("autoencoder")["latent"] == chosen
    assert [one["latent"] for one in tried][:2] == [2, 4]
    assert f"held-out error of {len(tried)} widths of the code, chosen {chosen}" in signals.plain
    assert not (signals.project.output("train", "autoencoder") / "widths").exists()
    assert "widths of the code" not in images.plain


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (Estimate(0.2, 0.11, 0.3), "broken"),
        (Estimate(0.05, 0.01, 0.09), "holds: fewer"),
        (Estimate(0.12, 0.05, 0.2), "holds: the promised rate"),
    ],
)
def test_the_promise_is_judged_by_the_interval_of_what_was_seen(seen, said):
    alarm = Alarm(
        "vae",
        0.1,
        calibrated_on="clean",
        nominal=False,
        threshold=1,
        seen=seen,
        normal_rows=50,
        detected=None,
        anomalies=0,
    )
    assert words.promise(alarm).startswith(said)


@pytest.mark.parametrize("kind", ["images", "table", "signals"])
def test_every_id_is_there_once_and_every_reference_finds_its_id(kind, request):
    text = request.getfixturevalue(kind).plain
    ids = Counter(attributes["id"] for _, attributes in Page(text).elements if "id" in attributes)
    assert max(ids.values()) == 1
    assert set(re.findall(r'(?:url\(|href=")#([^)"]+)', text)) <= set(ids)


@pytest.mark.parametrize("kind", ["images", "table", "signals"])
def test_every_picture_has_words_and_every_table_a_caption_and_scopes(kind, request):
    found = Page(request.getfixturevalue(kind).plain)
    assert all(one["alt"] for one in found.all("img"))
    assert all("aria-hidden" in one or (one["role"] == "img" and one["aria-label"]) for one in found.all("svg"))
    assert len(found.all("caption")) == len(found.all("table"))
    assert all(one.get("scope") in ("col", "row") for one in found.all("th"))


@pytest.mark.parametrize("kind", ["images", "table", "signals"])
def test_headings_skip_no_level(kind, request):
    levels = [int(tag[1]) for tag, _ in Page(request.getfixturevalue(kind).plain).elements if re.match(r"h\d$", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_a_table_shows_the_values_of_the_row_that_it_names(table):
    number = int(re.search(r"Oddest normal rows: row (\d+),", table.plain)[1])
    row = pd.read_csv(next(table.project.data.glob("*/table.csv"))).iloc[number]
    after = Page(table.plain[table.plain.index("Oddest normal rows: row") :])
    name = next(name for name in row.index if name in after.rows[1])
    assert after.rows[1].replace(name, "").split()[0] == words.plain(row[name])


def test_a_missing_output_is_named(images, tmp_path):
    spoilt = images.copy(tmp_path / "copy")
    (spoilt.project.output("evaluate", "vae") / "arrays.safetensors").unlink()
    with pytest.raises(HourglassError, match=r"vae/arrays\.safetensors is missing; run"):
        render(spoilt.project, spoilt.params, None)


def test_rendering_leaves_matplotlib_as_it_was(images):
    before = dict(mpl.rcParams)
    images.page()
    assert dict(mpl.rcParams) == before


def test_thumbnails_of_large_images_stay_within_the_budget(images):
    facts = collect(images.project, images.params, None)
    draw = np.random.default_rng(0)
    shape = (3, 200, 200)
    data = replace(facts.data, shape=shape)

    def noise(variant):
        examples = {
            kind: [
                replace(one, x=draw.random(shape), x_hat=draw.random(shape), map=draw.integers(0, 256, shape[1:]))
                for one in rows
            ]
            for kind, rows in variant.examples.items()
        }
        portrait = {"traversal_x": draw.random((8, 7, 3, 200, 200))}
        return replace(variant, examples=examples, samples=draw.random((24, 3, 200, 200)), portrait=portrait)

    variants = [noise(variant) for variant in facts.variants]
    scale = pictures.Scale.of(data, variants)
    drawn = [pictures.example(data, scale, one) for v in variants for rows in v.examples.values() for one in rows]
    drawn += [pictures.sample(data, scale, x) for v in variants for x in v.samples]
    drawn += [pictures.film(data, scale, walk) for v in variants for walk in v.portrait["traversal_x"]]
    assert sum(map(len, drawn)) < 4_000_000


def test_a_spectrum_is_drawn_as_a_picture_with_low_frequencies_at_the_bottom(images):
    facts = collect(images.project, images.params, None)
    data = replace(facts.data, kind="audio", shape=(64, 8))
    spectrum = np.zeros((64, 8))
    spectrum[0] = 1
    drawn = pictures.sample(data, pictures.Scale.of(data, facts.variants), spectrum)
    grey = np.asarray(Image.open(io.BytesIO(base64.b64decode(drawn.partition(",")[2]))).convert("L"), int)
    assert abs(len(grey) - 2 * grey.shape[1]) <= 1
    assert (grey[-1] > grey[0]).all()
    assert (grey[0] == grey[1]).all()
    assert words.shape(data) == "spectra of 64 bands \N{MULTIPLICATION SIGN} 8 frames"
    assert (data.drawn, replace(data, shape=(1, 64)).drawn) == ("image", "curve")


def test_scores_of_a_series_are_shown_in_time_and_those_of_others_are_not(signals, table):
    assert "autoencoder-timeline" in signals.plain
    assert "autoencoder-timeline" not in table.plain
    assert "windows of 48 points, 2 channels" in signals.plain
    assert "for each channel apart" in signals.plain


def test_a_sweep_on_the_same_data_is_shown_with_its_best_trials_and_pictures(swept, images):
    page = swept.page()
    assert 'id="sweeps"' not in images.plain
    assert "vae-1/trials.csv" in page
    assert "vae-2/trials.csv" not in page
    caption = "The best of 5 trials by AUROC on selection, where larger is better. 1 were ended early, worse than most."
    assert f"{caption} 1 failed." in page
    section = Page(page[page.index('id="sweeps"') :])
    rows = [" ".join(row.split()) for row in section.rows if "0.001" in row]
    assert rows[:2] == ["4 0.900 3 0.001 [8]", "1 0.600 3 0.001 [8]"]
    assert rows[2].startswith("0 0.500 3 0.001 null ")
    assert 'aria-label="vae: AUROC on selection of 5 trials and the best so far, at last 0.900"' in page
    numbers = read_json(swept.project.report.with_name("report.json"))["sweeps"]["vae"]
    assert (numbers["best"]["number"], numbers["trials"]) == (4, {"complete": 3, "failed": 1, "pruned": 1})


def test_another_trial_renders_the_page_anew(swept):
    before = swept.page()
    Records(folder_of(swept.project) / "vae-1").add(Trial(5, {"train.lr": 1e-3, "vae.hidden": [16]}, "complete", 0.95))
    assert "The best of 6 trials" in swept.page()
    assert "The best of 5 trials" in before


def test_an_ensemble_tells_its_members_and_how_far_they_are_apart(table, tmp_path):
    copied = table.copy(tmp_path / "copy")
    path = next(copied.project.root.glob("work/evaluate/*/evaluation.json"))
    write_json(path, read_json(path) | {"ensemble": {"members": 5, "relative_spread": 0.107}})
    found = Page(copied.page())
    assert "5 nets, scores of a normal row apart by 10.7% (median)" in found.row("5 nets")
