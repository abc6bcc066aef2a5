"""Files go in, and what a model makes of them comes out in the form that the output's name asks for."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from hourglass.cli import app
from hourglass.data.params import DataParams
from hourglass.data.sources import Raw
from hourglass.errors import HourglassError
from hourglass.project import Project
from hourglass.runtime import InputError
from hourglass.use import commands
from tests.conftest import packaged
from tests.sources import read_source


@pytest.fixture(scope="module")
def images(tmp_path_factory: Any) -> np.ndarray:
    return read_source("digits").rows[:20]


@pytest.fixture
def npz(images: np.ndarray, tmp_path: Path) -> str:
    path = tmp_path / "given.npz"
    np.savez(path, x=images, digit=np.arange(20) % 10)
    return str(path)


@pytest.fixture
def folder(images: np.ndarray, tmp_path: Path) -> str:
    for row, image in enumerate(images[:4]):
        path = tmp_path / "given" / f"class{row % 2}" / f"{row}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    return str(tmp_path / "given")


@pytest.fixture
def csv(tumours: Raw, tmp_path: Path) -> str:
    frame = tumours.rows.head(6).assign(patient=[f"p{row}" for row in range(6)])
    frame.loc[2, "mean area"] = np.nan
    frame.to_csv(tmp_path / "given.csv", index=False)
    return str(tmp_path / "given.csv")


@pytest.fixture(scope="module")
def table_denoising(tumours: Raw, tmp_path_factory: Any) -> Any:
    frame = tumours.rows.drop(columns="diagnosis")
    settings = {"latent": 3, "hidden": [16], "corruption": "gaussian"}
    folder = tmp_path_factory.mktemp("table") / "denoising"
    return packaged(Raw("table", frame, frame), DataParams(), "denoising", settings, folder)


def test_codes_of_a_table_stand_beside_the_columns_that_are_no_features(
    table_autoencoder: Any, csv: str, tmp_path: Path
) -> None:
    model, out = table_autoencoder.model, tmp_path / "codes.csv"
    line = commands.encode(model, csv, out)
    found = pd.read_csv(out)
    assert list(found) == ["diagnosis", "patient", "z_1", "z_2", "z_3"]
    assert found["patient"].tolist() == [f"p{row}" for row in range(6)]
    np.testing.assert_allclose(found[["z_1", "z_2", "z_3"]], model.encode(pd.read_csv(csv)), rtol=1e-6)
    assert found["z_1"].isna().tolist() == [False, False, True, False, False, False]
    assert line == f"{out}: 6 rows, of which 1 can't be judged and are left empty"


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_table_is_rebuilt_in_its_own_columns(table_autoencoder: Any, csv: str, tmp_path: Path, suffix: str) -> None:
    model, out = table_autoencoder.model, tmp_path / f"rebuilt{suffix}"
    commands.reconstruct(model, csv, out)
    given, found = pd.read_csv(csv), read_source(str(out)).rows
    assert list(found) == list(given)
    assert found["patient"].tolist() == given["patient"].tolist()
    expected = model.reconstruct(given)
    pd.testing.assert_frame_equal(found[list(expected)], expected, check_dtype=False)


@pytest.mark.parametrize("command", [commands.reconstruct, commands.encode])
def test_what_is_no_feature_comes_back_as_it_was_written(
    table_autoencoder: Any, tumours: Any, tmp_path: Path, command: Any
) -> None:
    codes = [("00012", "NA", "1e3", "1.50")[row % 4] for row in range(20)]
    tumours.rows[:20].assign(code=codes).to_csv(tmp_path / "given.csv", index=False)
    command(table_autoencoder.model, str(tmp_path / "given.csv"), tmp_path / "out.csv")
    assert pd.read_csv(tmp_path / "out.csv", dtype=str, keep_default_na=False)["code"].to_list() == codes


def test_arrays_come_with_what_stood_beside_them(image_vae: Any, npz: str, images: Any, tmp_path: Path) -> None:
    out = tmp_path / "rebuilt.npz"
    commands.reconstruct(image_vae.model, npz, out)
    with np.load(out) as found:
        np.testing.assert_array_equal(found["x"], image_vae.model.reconstruct(images))
        assert found["digit"].tolist() == (np.arange(20) % 10).tolist()


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.uint8])
def test_fractions_come_back_in_the_type_that_they_came_in(
    image_vae: Any, images: Any, tmp_path: Path, kind: Any
) -> None:
    np.savez(tmp_path / "given.npz", x=images.astype(kind))
    commands.reconstruct(image_vae.model, str(tmp_path / "given.npz"), tmp_path / "rebuilt.npz")
    with np.load(tmp_path / "rebuilt.npz") as found:
        assert found["x"].dtype == (kind if kind != np.uint8 else np.float64)
        np.testing.assert_allclose(found["x"], image_vae.model.reconstruct(images), rtol=1e-6, atol=1e-6)


def test_an_npy_holds_the_codes_alone(image_vae: Any, npz: str, images: Any, tmp_path: Path) -> None:
    commands.encode(image_vae.model, npz, tmp_path / "z.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "z.npy"), image_vae.model.encode(images))


def test_codes_of_a_quantised_model_bring_their_entries(image_vq_vae: Any, npz: str, tmp_path: Path) -> None:
    commands.encode(image_vq_vae.model, npz, tmp_path / "codes.csv")
    commands.encode(image_vq_vae.model, npz, tmp_path / "codes.npz")
    found = pd.read_csv(tmp_path / "codes.csv")
    entries = found[[name for name in found if name.startswith("entry_")]]
    assert entries.shape[1] >= 1
    assert entries.to_numpy().max() < 16
    with np.load(tmp_path / "codes.npz") as arrays:
        np.testing.assert_array_equal(arrays["entry"], entries)


def test_images_come_back_under_their_names_and_in_the_datas_units(
    image_vae: Any, folder: str, images: Any, tmp_path: Path
) -> None:
    out = tmp_path / "rebuilt"
    commands.reconstruct(image_vae.model, folder, out)
    again = read_source(str(out))
    assert again.side["file"].tolist() == ["class0/0.png", "class0/2.png", "class1/1.png", "class1/3.png"]
    assert again.rows.dtype == np.uint8
    expected = image_vae.model.reconstruct(images[[0, 2, 1, 3]])
    np.testing.assert_array_equal(again.rows, expected.clip(0, 255).round())


def test_images_become_arrays_where_the_output_asks_for_them(image_vae: Any, folder: str, tmp_path: Path) -> None:
    commands.reconstruct(image_vae.model, folder, tmp_path / "rebuilt.npz")
    commands.reconstruct(image_vae.model, str(tmp_path / "rebuilt.npz"), tmp_path / "again")
    assert read_source(str(tmp_path / "again")).side["file"].tolist()[0] == "class0/0.png"
    with np.load(tmp_path / "rebuilt.npz") as found:
        assert found["x"].shape == (4, 8, 8)
        assert found["class"].tolist() == ["class0", "class0", "class1", "class1"]


def test_images_whose_names_differ_in_their_suffix_alone_keep_both(image_vae: Any, images: Any, tmp_path: Path) -> None:
    (tmp_path / "given").mkdir()
    for name in ("a.png", "a.bmp"):
        Image.fromarray(images[0]).save(tmp_path / "given" / name)
    commands.reconstruct(image_vae.model, str(tmp_path / "given"), tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.bmp.png", "a.png.png"]


def test_an_image_that_cannot_be_judged_has_no_file(image_vae: Any, images: Any, tmp_path: Path) -> None:
    given = images[:3].astype(float)
    given[1, 0, 0] = np.nan
    np.save(tmp_path / "given.npy", given)
    line = commands.reconstruct(image_vae.model, str(tmp_path / "given.npy"), tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["000000.png", "000002.png"]
    assert "3 rows, of which 1 can't be judged" in line


def test_no_image_is_written_outside_of_the_output(image_vae: Any, images: Any, tmp_path: Path) -> None:
    with ZipFile(tmp_path / "given.npz", "w") as bundle:
        for name, array in {"x": images[:2], "file": np.array(["../a.png", "b.png"])}.items():
            with bundle.open(f"{name}.npy", "w") as stream:
                np.save(stream, array)
    commands.reconstruct(image_vae.model, str(tmp_path / "given.npz"), tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["000000.png", "000001.png"]
    assert not (tmp_path / "a.png").exists()


def test_samples_are_those_of_the_seed(image_vae: Any, table_autoencoder: Any, tmp_path: Path) -> None:
    commands.sample(image_vae.model, tmp_path / "new.npy", 3, 7, {})
    np.testing.assert_array_equal(np.load(tmp_path / "new.npy"), image_vae.model.sample(3, seed=7))
    commands.sample(table_autoencoder.model, tmp_path / "new.csv", 3, 7, {})
    drawn = pd.read_csv(tmp_path / "new.csv")
    pd.testing.assert_frame_equal(drawn, table_autoencoder.model.sample(3, seed=7), check_dtype=False)


def test_samples_say_what_was_asked_for(image_cvae: Any, tmp_path: Path) -> None:
    commands.sample(image_cvae.model, tmp_path / "threes.npz", 4, 1, {"digit": ["3"]})
    with np.load(tmp_path / "threes.npz") as found:
        np.testing.assert_array_equal(found["x"], image_cvae.model.sample(4, seed=1, condition={"digit": [3]}))
        assert found["digit"].tolist() == ["3"] * 4


def test_a_walk_has_as_many_rows_as_steps(image_vae: Any, npz: str, images: Any, tmp_path: Path) -> None:
    commands.interpolate(image_vae.model, npz, tmp_path / "way.npy", 5)
    np.testing.assert_array_equal(np.load(tmp_path / "way.npy"), image_vae.model.interpolate(images, steps=5))


def test_a_translated_row_is_of_the_class_that_is_asked_for_and_keeps_its_style(
    image_cvae: Any, tmp_path: Path
) -> None:
    given = read_source("digits")
    commands.translate(image_cvae.model, "digits", tmp_path / "threes.npz", {"digit": ["3"]})
    with np.load(tmp_path / "threes.npz") as found:
        translated, told = found["x"], found["digit"]
    assert set(told) == {"3"}
    classes = [digit for digit in range(10) if digit != 8]
    means = np.stack([given.rows[given.side["digit"] == digit].mean(axis=0) for digit in classes])
    distance = np.linalg.norm((translated[:, None] - means).reshape(len(translated), len(classes), -1), axis=2)
    assert (distance.argmin(axis=1) == classes.index(3)).mean() > 0.9
    # the style is what differs between rows of one class
    assert np.abs(translated - translated.mean(axis=0)).mean() > 0.3


def test_a_table_is_translated_from_what_its_rows_are(tumours: Raw, tmp_path: Path) -> None:
    frame = tumours.rows.drop(columns="diagnosis")
    told = DataParams(condition=["size"])
    found = packaged(Raw("table", frame, frame), told, "cvae", {"latent": 3, "hidden": [16]}, tmp_path / "cvae")
    frame.head(8).to_csv(tmp_path / "given.csv", index=False)
    commands.translate(found.model, str(tmp_path / "given.csv"), tmp_path / "large.csv", {"size": ["large"]})
    out = pd.read_csv(tmp_path / "large.csv")
    assert list(out) == list(frame)
    assert set(out["size"]) == {"large"}
    small = found.model.translate(frame.head(8), condition={"size": ["small"]})
    assert (out["mean radius"].to_numpy() != small["mean radius"].to_numpy()).all()


def test_only_a_model_that_learnt_to_denoise_does(
    table_denoising: Any, table_autoencoder: Any, csv: str, tmp_path: Path
) -> None:
    line = commands.denoise(table_denoising.model, csv, tmp_path / "clean.csv")
    assert line.endswith("; the model learnt to undo: gaussian")
    expected = table_denoising.model.reconstruct(pd.read_csv(csv))
    found = pd.read_csv(tmp_path / "clean.csv")[list(expected)]
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)
    with pytest.raises(InputError, match="autoencoder wasn't trained to denoise"):
        commands.denoise(table_autoencoder.model, csv, tmp_path / "no.csv")


def test_only_a_conditional_model_translates_and_only_when_told_what(
    image_vae: Any, image_cvae: Any, npz: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="vae isn't conditional"):
        commands.translate(image_vae.model, npz, tmp_path / "no.npz", {"digit": ["3"]})
    with pytest.raises(InputError, match="translate needs a condition; expected digit: 0, 1"):
        commands.translate(image_cvae.model, npz, tmp_path / "no.npz", {})


def test_a_condition_that_the_model_is_not_told_is_refused_by_name(
    image_vae: Any, image_cvae: Any, npz: str, tmp_path: Path
) -> None:
    condition = {"digit": ["3"], "pen": ["soft"]}
    message = r"^--condition names 'pen', which the model isn't told; expected digit: 0, 1"
    with pytest.raises(HourglassError, match=message):
        commands.translate(image_cvae.model, npz, tmp_path / "no.npz", condition)
    with pytest.raises(HourglassError, match=message):
        commands.sample(image_cvae.model, tmp_path / "no.npz", 2, 0, condition)
    with pytest.raises(InputError, match=r"^the model isn't conditional"):
        commands.sample(image_vae.model, tmp_path / "no.npz", 2, 0, condition)


def test_an_output_that_cannot_be_written_is_named(image_vae: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(HourglassError, match=r"file/new\.npy can't be written \(.+\); name another output\.$"):
        commands.sample(image_vae.model, tmp_path / "file" / "new.npy", 2, 0, {})


def test_what_is_there_is_never_overwritten(image_vae: Any, npz: str, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there.npy").write_text("mine")
    for name in ("there", "there.npy"):
        with pytest.raises(HourglassError, match="exists; remove it or name another output"):
            commands.reconstruct(image_vae.model, npz, tmp_path / name)
    assert (tmp_path / "there.npy").read_text() == "mine"


@pytest.mark.parametrize("name", ["out.csv", "out.txt"])
def test_an_output_that_cannot_hold_images_is_refused(image_vae: Any, npz: str, tmp_path: Path, name: str) -> None:
    with pytest.raises(HourglassError, match=r"can't hold what comes out; expected \.npy, \.npz, a folder"):
        commands.reconstruct(image_vae.model, npz, tmp_path / name)


def test_data_of_another_kind_is_refused(image_vae: Any, table_autoencoder: Any, csv: str, npz: str, tmp_path: Path):
    with pytest.raises(HourglassError, match="holds a table; the model takes images"):
        commands.encode(image_vae.model, csv, tmp_path / "z.csv")
    with pytest.raises(HourglassError, match="holds images; the model takes a table"):
        commands.encode(table_autoencoder.model, npz, tmp_path / "z.csv")


def test_a_column_named_like_a_code_is_refused(table_autoencoder: Any, csv: str, tmp_path: Path) -> None:
    pd.read_csv(csv).assign(z_2=1).to_csv(csv, index=False)
    with pytest.raises(HourglassError, match="column 'z_2' of the rows has the name of a code"):
        commands.encode(table_autoencoder.model, csv, tmp_path / "codes.csv")
    assert not list(tmp_path.glob("*codes*"))


def test_commands_need_neither_a_project_nor_torch_nor_mlflow(image_cvae: Any, tmp_path: Path) -> None:
    made = {
        "z.csv": ["encode", "digits"],
        "rebuilt.npy": ["reconstruct", "digits"],
        "way": ["interpolate", "digits", "--steps", "3"],
        "new.npz": ["sample", "-n", "3", "--seed", "1", "--condition", "digit=3"],
        "threes.npy": ["translate", "digits", "--condition", "digit=3"],
    }
    lines = [[*arguments, "-o", out, "--model", str(image_cvae.folder)] for out, arguments in made.items()]
    code = (
        "import json, sys; from hourglass.cli import main\n"
        "for arguments in json.loads(sys.argv[1]):\n"
        "    sys.argv = ['hourglass', *arguments]\n"
        "    try: main()\n"
        "    except SystemExit as end: assert not end.code\n"
        "print([name for name in ('torch', 'mlflow', 'dvc.repo', 'prefect') if name in sys.modules])"
    )
    command = [sys.executable, "-c", code, json.dumps(lines)]
    *told, imported = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=tmp_path
    ).stdout.splitlines()
    assert [line.partition(":")[0] for line in told] == list(made)
    assert imported == "[]"
    assert all((tmp_path / out).exists() for out in made)


@pytest.mark.parametrize("name", ["score", "encode", "reconstruct", "denoise", "translate", "interpolate", "sample"])
def test_help_shows_an_example(name: str) -> None:
    shown = " ".join(CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "200"}).output.split())
    assert f": hourglass {name} " in shown


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["digit"], "--condition is 'digit'; expected NAME=VALUE, such as digit=3."),
        (["=3"], "--condition is '=3'; expected NAME=VALUE, such as digit=3."),
        (["digit=3", "digit=4"], "--condition names 'digit' twice; give it one value."),
    ],
)
def test_a_condition_that_says_nothing_or_two_things_is_refused(
    image_cvae: Any, given: list[str], message: str
) -> None:
    options = [word for one in given for word in ("--condition", one)]
    done = CliRunner().invoke(app, ["sample", "-o", "new.npy", "--model", str(image_cvae.folder), *options])
    assert str(done.exception) == message


def test_where_no_model_serves_the_message_says_how_to_come_by_one(
    stored: Project, tmp_path: Path, monkeypatch: Any
) -> None:
    (tmp_path / "params.yaml").write_text("variants: [vae]\nvae: {}\nregistry: {name: nothing}\n")
    (tmp_path / "dvc.yaml").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOURGLASS_HOME", str(stored.home))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    done = CliRunner().invoke(app, ["sample", "-o", "new.npy"])
    assert "models:/nothing@champion can't be had" in str(done.exception)
    assert "--model, for one work/package/vae" in str(done.exception)
