"""What `hourglass describe` and `hourglass variants` print."""

import numpy as np
import pytest
from dvc.repo import Repo

from hourglass import models
from hourglass.errors import HourglassError
from hourglass.report.describe import describe
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
