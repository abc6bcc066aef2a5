"""``hourglass score`` says why: reasons beside rows, and maps of images."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from hourglass.cli import app
from hourglass.data.params import DataParams
from hourglass.data.sources import Raw
from hourglass.errors import HourglassError
from hourglass.runtime.attribution import heat
from hourglass.use import shards
from hourglass.use.maps import Maps
from hourglass.use.score import score

#: Reads a handful of rows at a time.
FEW = DataParams().model_copy(update={"memory": 2**16})


@pytest.fixture
def csv(tumours: Raw, tmp_path: Path) -> str:
    tumours.rows.head(60).to_csv(tmp_path / "given.csv", index=False)
    return str(tmp_path / "given.csv")


@pytest.fixture
def spoilt(digits: Raw, tmp_path: Path) -> Path:
    """Three images, the second with a bright corner, and the mask of it."""
    for row, image in enumerate(digits.rows[:3]):
        pixels = image.copy()
        if row == 1:
            pixels[:2, :2] = 16
        (tmp_path / "given").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "given" / f"{row}.png")
    mask = np.zeros((8, 8), np.uint8)
    mask[:2, :2] = 255
    (tmp_path / "masks").mkdir()
    Image.fromarray(mask).save(tmp_path / "masks" / "1_mask.png")
    return tmp_path / "given"


def test_reasons_stand_behind_the_judgement(table_autoencoder: Any, csv: str, tmp_path: Path) -> None:
    score(table_autoencoder.model, csv, tmp_path / "why.csv", FEW, reasons=2)
    found = pd.read_csv(tmp_path / "why.csv")
    assert list(found)[-4:] == ["reason_1", "share_1", "reason_2", "share_2"]
    expected = table_autoencoder.model.explain(pd.read_csv(csv), 2)
    assert found["reason_1"].tolist() == expected["reason_1"].tolist()
    np.testing.assert_allclose(found["share_2"], expected["share_2"])


def test_shards_hold_the_same_reasons(table_autoencoder: Any, csv: str, tmp_path: Path) -> None:
    score(table_autoencoder.model, csv, tmp_path / "why.parquet", reasons=1)
    layout = shards.Layout(rows=25, reasons=1)
    shards.score(table_autoencoder.model, csv, tmp_path / "why", uri="m", layout=layout)
    parts = [pd.read_parquet(path) for path in sorted((tmp_path / "why").glob("*.parquet"))]
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), pd.read_parquet(tmp_path / "why.parquet"))


def test_shards_with_another_number_of_reasons_are_refused(table_autoencoder: Any, csv: str, tmp_path: Path) -> None:
    shards.score(table_autoencoder.model, csv, tmp_path / "why", uri="m")
    with pytest.raises(HourglassError, match="another number of reasons"):
        shards.score(table_autoencoder.model, csv, tmp_path / "why", uri="m", layout=shards.Layout(reasons=2))


def test_readings_name_the_channel(signal_denoising: Any, waves: pd.DataFrame, tmp_path: Path) -> None:
    waves.to_csv(tmp_path / "waves.csv", index=False)
    score(signal_denoising.model, str(tmp_path / "waves.csv"), tmp_path / "why.csv", reasons=1)
    found = pd.read_csv(tmp_path / "why.csv")
    assert (found["reason_1"].iloc[1005:1020] == "heat").all()
    assert found["share_1"].iloc[1005:1020].min() > 0.5


def test_a_map_is_drawn_of_each_image(image_vae: Any, spoilt: Path, tmp_path: Path) -> None:
    model = image_vae.model
    score(model, str(spoilt), tmp_path / "judged.csv", maps=Maps(model, tmp_path / "maps"))
    drawn = [np.asarray(Image.open(tmp_path / "maps" / f"{row}.png")) for row in range(3)]
    rows = np.stack([np.asarray(Image.open(spoilt / f"{row}.png")) for row in range(3)])
    np.testing.assert_array_equal(drawn, heat(model.attribute(rows), model.threshold))
    assert drawn[1][:2, :2].mean() > 3 * drawn[0][:2, :2].mean()


def test_maps_are_held_against_masks(image_vae: Any, spoilt: Path, tmp_path: Path) -> None:
    out, maps, masks = tmp_path / "judged.csv", tmp_path / "maps", tmp_path / "masks"
    command = ["score", str(spoilt), "-o", str(out), "--model", str(image_vae.folder)]
    done = CliRunner().invoke(app, [*command, "--maps", str(maps), "--masks", str(masks)])
    assert done.exit_code == 0, done.output
    assert "masks: 1 of 3 images have one; AUROC of pixels" in done.output


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--masks", "masks"], "name a new folder for these with --maps"),
        (["--maps", "maps"], "--maps are of images, and the model takes none"),
    ],
)
def test_what_cannot_be_drawn_is_refused_before_rows_are_judged(
    table_autoencoder: Any, csv: str, tmp_path: Path, options: list[str], words: str
) -> None:
    out = tmp_path / "judged.csv"
    done = CliRunner().invoke(app, ["score", csv, "-o", str(out), "--model", str(table_autoencoder.folder), *options])
    assert isinstance(done.exception, HourglassError)
    assert words in str(done.exception)
    assert not out.exists()
