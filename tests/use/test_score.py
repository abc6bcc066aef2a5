"""Rows of any number go in, and come out with what the model says of them."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from hourglass.data.params import DataParams
from hourglass.data.sources import Raw
from hourglass.errors import HourglassError
from hourglass.use import commands
from hourglass.use.score import score
from tests.sources import read_source

JUDGED = ["anomaly_score", "p_value", "is_anomaly", "valid"]
#: Reads a handful of rows at a time.
FEW = DataParams().model_copy(update={"memory": 2**16})


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("data", [DataParams(), FEW], ids=["one block", "many"])
def test_a_table_keeps_its_columns_and_gets_the_judgement_of_each_row(
    table_autoencoder: Any, csv: str, tmp_path: Path, suffix: str, data: DataParams
) -> None:
    model, out, told = table_autoencoder.model, tmp_path / f"judged{suffix}", []
    line = score(model, csv, out, data, told.append)
    given = pd.read_csv(csv)
    found = pd.read_csv(out) if suffix == ".csv" else pd.read_parquet(out)
    expected = model.score(given)
    assert list(found) == [*given, *JUDGED]
    pd.testing.assert_frame_equal(found[list(given)], given)
    assert found["anomaly_score"].isna().to_numpy().nonzero()[0].tolist() == [2, 400]
    np.testing.assert_array_equal(found["p_value"], expected["p_value"])
    np.testing.assert_allclose(found["anomaly_score"], expected["anomaly_score"], rtol=1e-15)
    alarms = int(expected["is_anomaly"].sum())
    assert found["is_anomaly"].sum() == alarms > 0
    assert line == (
        f"{out}: 569 rows, {alarms} alarms ({alarms / 567:.2%}); of rows like those of the calibration at most 0.1 "
        "raise one on average; 2 can't be judged"
    )
    assert told[-1] == 569
    assert (len(told) > 5) == (data is FEW)


@pytest.mark.parametrize("data", [DataParams(), FEW], ids=["one block", "many"])
def test_cells_of_a_csv_come_back_as_they_were_written(
    table_autoencoder: Any, patients: pd.DataFrame, tmp_path: Path, data: DataParams
) -> None:
    """Leading zeros, zeros behind, exponents and NA: what somebody looks a row up by."""
    count = len(patients)
    odd = [("00012", "NA", "1.50", "1e3", "", "TRUE")[row % 6] for row in range(count)]
    given = patients.astype({"mean radius": str}).assign(note=odd, who=odd[::-1])
    given["mean radius"] = [f"{float(value):.6f}" for value in given["mean radius"]]
    given.to_csv(tmp_path / "given.csv", index=False)
    model, out = table_autoencoder.model, tmp_path / "judged.csv"
    score(model, str(tmp_path / "given.csv"), out, data)
    as_text = {"dtype": str, "keep_default_na": False}
    found, expected = pd.read_csv(out, **as_text), pd.read_csv(tmp_path / "given.csv", **as_text)
    pd.testing.assert_frame_equal(found[list(given)], expected)
    judged = model.score(pd.read_csv(tmp_path / "given.csv"))["anomaly_score"]
    np.testing.assert_allclose(pd.read_csv(out)["anomaly_score"], judged, rtol=1e-15)
    score(model, str(tmp_path / "given.csv"), tmp_path / "judged.parquet", data)
    assert pd.read_parquet(tmp_path / "judged.parquet")["mean radius"].dtype == np.float64


def test_parquet_goes_in_as_well(table_autoencoder: Any, patients: pd.DataFrame, tmp_path: Path) -> None:
    patients.to_parquet(tmp_path / "given.parquet")
    score(table_autoencoder.model, str(tmp_path / "given.parquet"), tmp_path / "judged.parquet", FEW)
    found = pd.read_parquet(tmp_path / "judged.parquet")
    np.testing.assert_array_equal(found["anomaly_score"], table_autoencoder.model.score(patients)["anomaly_score"])


@pytest.mark.parametrize("data", [DataParams(), FEW], ids=["one block", "many"])
def test_of_arrays_stands_which_row_it_was_and_what_came_with_it(
    image_vae: Any, digits: Raw, tmp_path: Path, data: DataParams
) -> None:
    np.save(tmp_path / "given.npy", digits.rows)
    np.savez(tmp_path / "given.npz", x=digits.rows, digit=digits.side["digit"])
    expected = image_vae.model.score(digits.rows)["anomaly_score"]
    for name, columns in {"given.npy": ["row"], "given.npz": ["row", "digit"]}.items():
        out = tmp_path / f"{name}.parquet"
        score(image_vae.model, str(tmp_path / name), out, data)
        found = pd.read_parquet(out)
        assert list(found) == [*columns, *JUDGED]
        assert found["row"].tolist() == list(range(len(digits.rows)))
        np.testing.assert_array_equal(found["anomaly_score"], expected)
    assert found["digit"].tolist() == digits.side["digit"].tolist()


def test_of_images_stands_the_file(image_vae: Any, digits: Raw, tmp_path: Path) -> None:
    (tmp_path / "given").mkdir()
    for row in range(3):
        Image.fromarray(digits.rows[row]).save(tmp_path / "given" / f"{row}.png")
    score(image_vae.model, str(tmp_path / "given"), tmp_path / "judged.csv")
    assert pd.read_csv(tmp_path / "judged.csv")["file"].tolist() == ["0.png", "1.png", "2.png"]


def test_a_column_named_like_a_judgement_is_refused_and_nothing_is_written(
    table_autoencoder: Any, patients: pd.DataFrame, tmp_path: Path
) -> None:
    patients.assign(valid=1).to_csv(tmp_path / "given.csv", index=False)
    with pytest.raises(HourglassError, match=r"given\.csv: column 'valid' has the name of a judgement"):
        score(table_autoencoder.model, str(tmp_path / "given.csv"), tmp_path / "judged.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["given.csv"]


def test_what_breaks_in_the_middle_leaves_nothing_and_names_the_file(
    table_autoencoder: Any, patients: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: Any) -> Any:
        yield Raw("table", patients, patients)
        raise HourglassError(f"{_arguments[0] / 'table.csv'}: row 570 is ragged.")

    patients.to_csv(tmp_path / "given.csv", index=False)
    monkeypatch.setattr("hourglass.data.sources.table.blocks", broken)
    with pytest.raises(HourglassError, match=rf"^{tmp_path}/given\.csv: row 570 is ragged"):
        score(table_autoencoder.model, str(tmp_path / "given.csv"), tmp_path / "judged.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["given.csv"]


def test_a_column_that_becomes_text_later_fits_no_parquet(
    table_autoencoder: Any, patients: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def changing(*_arguments: Any) -> Any:
        for note in (1, "one"):
            frame = patients.assign(note=note)
            yield Raw("table", frame, frame)

    patients.to_parquet(tmp_path / "given.parquet")
    monkeypatch.setattr("hourglass.data.sources.table.blocks", changing)
    with pytest.raises(HourglassError, match=r"column 'note' is int64 in the first rows and .*string in later ones"):
        score(table_autoencoder.model, str(tmp_path / "given.parquet"), tmp_path / "judged.parquet")
    score(table_autoencoder.model, str(tmp_path / "given.parquet"), tmp_path / "judged.csv")
    assert len(pd.read_csv(tmp_path / "judged.csv", low_memory=False)) == 2 * len(patients)


@pytest.mark.parametrize("out", ["z.csv", "z.parquet", "z.npy", "z.npz"])
def test_codes_are_the_same_in_one_block_and_in_many(image_vae: Any, digits: Raw, tmp_path: Path, out: str) -> None:
    np.savez(tmp_path / "given.npz", x=digits.rows, digit=digits.side["digit"])
    for name, data in {"one": DataParams(), "many": FEW}.items():
        commands.encode(image_vae.model, str(tmp_path / "given.npz"), tmp_path / name / out, data)
    one, many = (read(tmp_path / name / out) for name in ("one", "many"))
    np.testing.assert_array_equal(one, many)
    np.testing.assert_allclose(one, image_vae.model.encode(digits.rows), rtol=1e-6 if out == "z.csv" else 0)


def read(path: Path) -> np.ndarray:
    """Read codes back."""
    tables = {".csv": pd.read_csv, ".parquet": pd.read_parquet}
    if path.suffix in tables:
        return tables[path.suffix](path).filter(like="z_").to_numpy()
    loaded = np.load(path)
    return loaded if path.suffix == ".npy" else loaded["z"]


@pytest.mark.parametrize("data", [DataParams(), FEW], ids=["one block", "many"])
def test_images_are_rebuilt_and_walked_between_in_blocks(
    image_vae: Any, digits: Raw, tmp_path: Path, data: DataParams
) -> None:
    np.save(tmp_path / "given.npy", digits.rows[:600])
    model, given = image_vae.model, str(tmp_path / "given.npy")
    commands.reconstruct(model, given, tmp_path / "out", data)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [f"{row:06d}.png" for row in range(600)]
    again = read_source(str(tmp_path / "out")).rows
    np.testing.assert_array_equal(again, model.reconstruct(digits.rows[:600]).clip(0, 255).round())
    commands.interpolate(model, given, tmp_path / "way.npy", 5, data)
    np.testing.assert_array_equal(np.load(tmp_path / "way.npy"), model.interpolate(digits.rows[[0, 599]], steps=5))


def test_the_command_needs_neither_a_project_nor_torch_nor_mlflow(
    table_autoencoder: Any, csv: str, tmp_path: Path
) -> None:
    code = (
        "import sys; from hourglass.cli import main\n"
        f"sys.argv = ['hourglass', 'score', {csv!r}, '-o', 'judged.csv']\n"
        f"sys.argv += ['--model', {str(table_autoencoder.folder)!r}]\n"
        "try: main()\n"
        "finally: print([name for name in ('torch', 'mlflow', 'dvc.repo', 'prefect') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    line, imported = done.stdout.splitlines()
    assert line.startswith("judged.csv: 569 rows, ")
    assert imported == "[]"
    assert done.stderr == ""
