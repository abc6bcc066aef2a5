"""What `hourglass describe` and `hourglass variants` print."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from dvc.repo import Repo

from hourglass import models, params
from hourglass.data import making, snapshot
from hourglass.data.dataset import Dataset
from hourglass.data.ingest import ingest
from hourglass.errors import HourglassError
from hourglass.project import Project
from hourglass.report import words
from hourglass.report.describe import bars, describe
from hourglass.report.variants import explain, list_variants
from hourglass.settings import declared_settings
from hourglass.wording import bound_words, type_words


def lines(capsys):
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_describe_counts_rows_and_classes_and_says_which_are_anomalous(images, capsys):
    describe(images.project)
    printed = lines(capsys)
    assert "rows 1,797, each (8, 8) of uint8" in printed
    assert "digit 8 174 anomalous" in printed
    assert "digit 9 180" in printed


def test_describe_shows_what_ingest_made(images, capsys):
    counts = images.project.dataset / "dataset.json"
    describe(images.project)
    assert counts.exists()
    assert any(line.startswith("test 259 94 ") for line in lines(capsys))


def test_describe_works_before_ingest(images, tmp_path, capsys):
    project = images.copy(tmp_path / "copy").project
    (project.dataset / "dataset.json").unlink()
    describe(project)
    assert any(line.startswith("Not ingested yet") for line in lines(capsys))


def test_describe_reads_no_row(images, tmp_path, capsys):
    describe(images.project)
    expected = lines(capsys)
    project = images.copy(tmp_path / "copy").project
    for path in [*project.data.rglob("*.npy"), *project.dataset.rglob("*.npy")]:
        path.write_bytes(b"\0" * path.stat().st_size)
    describe(project)
    assert lines(capsys) == expected


def test_describe_gives_programs_all_that_it_knows(images, capsys):
    describe(images.project, as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert (found["rows"], found["kind"], found["row"]) == (1797, "image", {"shape": [8, 8], "dtype": "uint8"})
    assert found["dataset"]["classes"]["digit 8"]["test"] == 94
    assert found["shards"][0]["splits"]["test"] == 259


def test_before_ingest_describe_tells_what_was_inferred_and_why(table, tmp_path, capsys):
    project = table.copy(tmp_path / "copy").project
    (project.dataset / "dataset.json").unlink()
    describe(project)
    printed = lines(capsys)
    assert "rows 569, each 31 columns" in printed
    assert any(line.startswith("mean radius number all values are numbers standard no heavy tails") for line in printed)


def test_describe_names_columns_that_say_nearly_the_same(table, capsys):
    describe(table.project)
    train = Dataset(table.project.dataset).raw("train")
    expected = words.signed(train["mean radius"].corr(train["mean perimeter"]))
    assert f"mean radius mean perimeter {expected}" in lines(capsys)


def test_describe_tells_of_gaps_times_and_categories(tmp_path, capsys):
    draw = np.random.default_rng(0)
    frame = pd.DataFrame({"size": draw.normal(size=300), "when": pd.date_range("2026-01-01", periods=300, freq="h")})
    frame["colour"] = np.where(np.arange(300) % 4, "red", "blue")
    frame.loc[:29, "size"] = np.nan
    frame.to_csv(tmp_path / "things.csv", index=False)
    project = Project(tmp_path, tmp_path)
    (tmp_path / "params.yaml").write_text(
        "variants: [vae]\ndata: {source: things.csv, columns: {size: {impute: mean}}}\nvae: {latent: 2}\n"
    )
    loaded = params.load(project.params_file)
    making.build(str(tmp_path / "things.csv"), project.data, loaded.data)
    project.dataset.mkdir(parents=True)
    ingest(snapshot.opened(project.data, loaded.data), project.dataset, loaded.data, loaded.split)
    describe(project)
    printed = lines(capsys)
    assert "size 30 0 0 10 %" in printed
    assert any(
        line.startswith("size feature number all values are numbers standard, missing: mean") for line in printed
    )
    assert any(line.startswith("colour red 7") for line in printed)
    assert any(line.startswith("when ") and "2026-01-01 00:00" in line and "days" in line for line in printed)


def test_a_shard_that_was_not_ingested_is_told_with_its_date(images, tmp_path, capsys):
    project = images.copy(tmp_path / "copy").project
    shutil.copytree(project.data / "digits", project.data / "20260102T030405Z-0123456789ab")
    describe(project)
    printed = lines(capsys)
    assert any(line.startswith("20260102T030405Z-0123456789ab 2026-01-02T03:04") for line in printed)
    assert any("not ingested" in line for line in printed)


def test_a_histogram_of_blocks_shows_every_bar_that_is_not_empty():
    assert bars([0, 0.001, 0.5, 1]) == " ▁▄█"
    assert len(bars([1 / 32] * 32)) == 16
    assert bars([0.0] * 3) == "   "


def test_describe_without_data_is_refused_in_a_sentence(images, tmp_path):
    project = images.copy(tmp_path / "copy").project
    (project.data / "snapshot.json").unlink()
    with pytest.raises(HourglassError, match="holds no snapshot; make one with `hourglass data digits`"):
        describe(project)


def test_describe_says_whether_the_data_is_what_dvc_knows(images, tmp_path, capsys, monkeypatch):
    project = images.copy(tmp_path / "copy").project
    monkeypatch.chdir(project.root)
    with Repo(str(project.root)) as repo:
        repo.add("data")
    describe(project)
    assert any("data/ is as it says" in line for line in lines(capsys))
    np.save(project.data / "digits" / "extra.npy", np.zeros(1797))
    describe(project)
    assert any("differs from data/" in line for line in lines(capsys))


def test_describe_is_plain_where_it_is_piped(images, capsys):
    describe(images.project)
    assert "\x1b" not in capsys.readouterr().out


def test_brackets_in_a_class_name_are_printed_as_they_are(images, capsys):
    describe(images.project)
    assert any(line.startswith("<script>alert('3')</script> 183") for line in lines(capsys))


def test_variants_lists_every_variant(capsys):
    list_variants()
    printed = capsys.readouterr().out
    assert all(name in printed for name in (*models.names(), *models.ALIASES))


def test_the_source_of_a_variant_is_told_to_its_end(images, capsys):
    explain(images.project, "beta_tc_vae")
    assert "as if the batch were all rows: the number of rows only adds constants" in " ".join(lines(capsys))


def test_a_variant_is_explained_with_the_value_of_params_and_its_default(images, capsys):
    explain(images.project, "vae")
    printed = lines(capsys)
    assert any(line.startswith("latent 4 8 whole number | auto >= 1, <= 65,536") for line in printed)
    assert any(line.startswith("hidden [48] null list of whole number | null each >= 1") for line in printed)


def test_the_bounds_of_a_number_that_may_be_a_word_are_explained():
    declared = declared_settings(models.get("vae"))["sigma"]
    assert type_words(declared.type) == "optimal | per_feature | learned | predicted | number"
    assert bound_words(declared) == "> 0, <= 100,000"


def test_an_alias_explains_its_variant(images, capsys):
    explain(images.project, "undercomplete")
    assert lines(capsys)[0] == "autoencoder"


def test_an_unknown_variant_is_refused_with_the_nearest_name(images):
    with pytest.raises(HourglassError, match=r"no variant 'vea'; did you mean 'vae'\?"):
        explain(images.project, "vea")
