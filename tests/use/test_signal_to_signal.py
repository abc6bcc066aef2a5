"""A model that was told some channels of a series makes the others that go with them, from a table to MLflow."""

from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest

from hourglass.data import making, proposal, snapshot
from hourglass.data.params import DataParams, SplitParams, kind_settings
from hourglass.errors import HourglassError
from hourglass.evaluation.evaluate import evaluate
from hourglass.evaluation.gate import Evidence
from hourglass.params import EvaluateParams
from hourglass.project import Project
from hourglass.registry import store
from hourglass.registry.promotion import smoke_test
from hourglass.runtime import InputError
from hourglass.use import commands
from hourglass.use.score import score
from tests.conftest import Packaged, packaged
from tests.serving import logged


def readings(rows: int, seed: int) -> pd.DataFrame:
    """Give what a good sensor and two cheap ones tell of one temperature, every five minutes."""
    draw = np.random.default_rng(seed)
    truth = 60 + 5 * np.sin(2 * np.pi * np.arange(rows) / 48 + draw.uniform(0, 6))
    return pd.DataFrame(
        {
            "when": pd.date_range("2024-01-01", periods=rows, freq="5min", tz="Europe/Berlin"),
            "cheap": truth / 10 + draw.normal(0, 0.3, rows),
            "cheaper": truth + draw.normal(0, 5, rows),
            "good": truth,
        }
    )


@pytest.fixture(scope="module")
def paired(tmp_path_factory: pytest.TempPathFactory) -> Packaged:
    """A conditional VAE that makes the good sensor's windows of the cheap ones'."""
    folder = tmp_path_factory.mktemp("pairs")
    readings(3000, 0).to_csv(folder / "sensors.csv", index=False)
    given = kind_settings("signal", {"time": "when", "target": ["good"], "window": 16, "stride": 4})
    proposed = proposal.proposed_params(str(folder / "sensors.csv"), signal=given)
    data, splitting, _ = proposal.settled(str(folder / "sensors.csv"), proposed, SplitParams())
    making.build(str(folder / "sensors.csv"), folder / "data", data, splitting, require_usable=True)
    raw = snapshot.read(folder / "data", data)
    return packaged(raw, data, "cvae", {"latent": 2, "hidden": [64]}, folder / "cvae")


@pytest.fixture
def new() -> pd.DataFrame:
    """Readings that the model never saw, in an order of their own, with a gap that no window lies in."""
    return readings(600, 1).drop(index=range(300, 330)).sample(frac=1, random_state=0).reset_index(drop=True)


def error(made: pd.DataFrame, truth: pd.DataFrame) -> float:
    return float(np.square(made["good"] - truth["good"]).mean())


def test_channels_are_made_of_the_others_alone_at_their_times(paired: Packaged, new: pd.DataFrame) -> None:
    made = paired.model.translate(new.drop(columns="good"))
    pd.testing.assert_frame_equal(made.drop(columns="good"), new.drop(columns="good"))
    assert error(made, new) < 0.05 * new["good"].var()
    pd.testing.assert_frame_equal(paired.model.translate(new)[list(made)], made)
    with pytest.raises(InputError, match=r"column 'cheaper' is missing; expected when, cheap, cheaper"):
        paired.model.translate(new[["when", "cheap"]])


def test_the_command_writes_them_beside_the_readings(paired: Packaged, new: pd.DataFrame, tmp_path: Path) -> None:
    new.drop(columns="good").assign(note="kept").to_csv(tmp_path / "new.csv", index=False)
    said = commands.translate(paired.model, str(tmp_path / "new.csv"), tmp_path / "made.csv", {})
    made = pd.read_csv(tmp_path / "made.csv")
    assert said == f"{tmp_path / 'made.csv'}: 570 rows"
    assert made.columns.to_list() == ["when", "cheap", "cheaper", "note", "good"]
    assert error(made, new) < 0.05 * new["good"].var()


def test_readings_are_judged_by_what_they_should_be(paired: Packaged, new: pd.DataFrame, tmp_path: Path) -> None:
    other = new.assign(good=new["good"].sample(frac=1, random_state=1).to_numpy())
    means = [paired.model.points(frame)["anomaly_score"].mean() for frame in (new, other)]
    assert means[1] > 2 * means[0]
    new.to_csv(tmp_path / "new.csv", index=False)
    score(paired.model, str(tmp_path / "new.csv"), tmp_path / "judged.csv")
    assert pd.read_csv(tmp_path / "judged.csv")["anomaly_score"].notna().all()
    with pytest.raises(InputError, match=r"column 'good' is missing; expected when, good, cheap, cheaper"):
        paired.model.score(new.drop(columns="good"))
    new.drop(columns="good").to_csv(tmp_path / "alone.csv", index=False)
    with pytest.raises(HourglassError, match=r"no column 'good', which .* have it made by `hourglass translate`"):
        score(paired.model, str(tmp_path / "alone.csv"), tmp_path / "judged-alone.csv")


def test_windows_are_the_same_as_readings(paired: Packaged, new: pd.DataFrame) -> None:
    model = paired.model
    assert model.readings is not None
    windows = model.readings.cut(new).windows
    apart = {"x": windows[..., :1], "pair": windows[..., 1:]}
    of_readings = model.score(new).drop(columns=["start", "end"])
    pd.testing.assert_frame_equal(of_readings, model.score(apart))
    np.testing.assert_array_equal(model.encode(new), model.encode(apart))
    assert model.reconstruct(new)["good"].notna().all()
    assert model.sample(3, condition={"pair": windows[:3, :, 1:]}).shape == (3, 16, 1)


def test_it_is_measured_and_judged_like_any_other(paired: Packaged) -> None:
    model, dataset = paired.model, paired.dataset
    found, _ = evaluate(model, dataset, EvaluateParams(bootstrap=100, map_rows=60), seed=0)
    assert found["test"]["model"]["mse"] < found["test"]["untrained"]["mse"]
    translation = found["portrait"]["translation"]
    assert translation["mse"] < 0.1 * translation["mean_mse"]
    assert [one["name"] for one in translation["rivals"]] == ["mean row", "linear map", "model"]
    assert Evidence.of(model, dataset, "selection").judged.all()


def test_mlflow_takes_readings_with_and_without_what_is_made(
    paired: Packaged, new: pd.DataFrame, stored: Project, monkeypatch: Any
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    store.connect(stored)
    uri = logged(paired)
    served = mlflow.pyfunc.load_model(uri)
    pd.testing.assert_frame_equal(served.predict(new), paired.model.score(new))
    alone = new.drop(columns="good")
    made = served.predict(alone, params={"output": "translate"})
    pd.testing.assert_frame_equal(made, paired.model.translate(alone))
    smoke_test(Project(paired.folder.parent, stored.home), uri)


def test_a_channel_is_made_or_told_and_not_both() -> None:
    with pytest.raises(HourglassError, match=r"'good' is in data.signal.columns and in data.signal.target"):
        kind_settings("signal", {"time": "when", "columns": ["good", "cheap"], "target": ["good"]})


def test_who_names_no_channel_to_make_is_told_so(tmp_path: Path) -> None:
    readings(300, 0).to_csv(tmp_path / "sensors.csv", index=False)
    given = kind_settings("signal", {"time": "when", "columns": ["cheap"], "period": "5min", "window": 16})
    data = DataParams(condition=["pair"], signal=given)
    with pytest.raises(HourglassError, match=r"data.condition is 'pair'; the data has no such column"):
        making.build(str(tmp_path / "sensors.csv"), tmp_path / "data", data)
