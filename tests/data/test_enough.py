"""What no data set can be made of is told before a snapshot is replaced, in ingest's own words."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hourglass.data import making, snapshot
from hourglass.data.ingest import ingest
from hourglass.data.params import DataParams, SplitParams
from hourglass.errors import HourglassError

ROWS = 300
DRAW = np.random.default_rng(0)


def table(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"good": DRAW.normal(size=ROWS)} | columns)


def said_by_ingest(source: Path, folder: Path, data: DataParams, splitting: SplitParams) -> str:
    """Make a snapshot unasked, and say what ingest thinks of it."""
    making.build(str(source), folder / "unasked", data, splitting)
    (folder / "out").mkdir()
    with pytest.raises(HourglassError) as refused:
        ingest(snapshot.opened(folder / "unasked", data), folder / "out", data, splitting)
    return str(refused.value)


INFINITE = np.where(np.arange(ROWS) % 6 == 0, np.inf, 1.5)
DAYS = pd.date_range("2024-01-01", periods=ROWS, freq="D")
BAD: dict[str, tuple[pd.DataFrame, dict[str, Any], dict[str, Any], str]] = {
    "infinities": (table(other=INFINITE), {}, {}, r"50 of 300 rows .* \(50 in column 'other'\), more than the share"),
    "infinities in two columns": (
        table(a=INFINITE, b=np.roll(INFINITE, 1)),
        {},
        {},
        r"100 of 300 rows have a missing or infinite value \(50 in column 'a'\)",
    ),
    "a million, as far as one can tell": (
        pd.DataFrame({"only": [f"id-{number}" for number in range(2000)]}),
        {},
        {},
        "column 'only' has more than 1,000 different texts in 2,000 rows",
    ),
    "categories without end as a condition": (
        table(shop=[f"id-{number}" for number in range(ROWS)]),
        {"condition": ["shop"]},
        {},
        "column 'shop' has 300 different texts .* take it out of data.condition",
    ),
    "one row": (pd.DataFrame({"a": [1.5], "b": [2.5]}), {}, {}, r"the split '\w+' has no normal row \(1 rows in all\)"),
    "one group": (
        table(who="me"),
        {},
        {"by": "group", "column": "who"},
        r"the split '\w+' has no normal row \(300 rows in all, and those of one 'who' stay together\)",
    ),
    "one day": (
        table(day="2024-01-31"),
        {},
        {"by": "time", "column": "day"},
        r"the split 'validation' has no normal row \(300 rows in all\)",
    ),
    "a split that is never given": (
        table(split=["train", "validation", "selection"] * 100),
        {},
        {"by": "given", "column": "split"},
        "the split 'calibration' has no normal row",
    ),
    "no normal row late": (
        table(day=DAYS, state=["ok"] * 200 + ["broken"] * 100),
        {"label": "state", "normal": ["ok"]},
        {"by": "time", "column": "day"},
        "the split 'calibration' has no normal row",
    ),
    "1e308": (table(other=[1e308, 0.5] * 150), {}, {}, "column 'other' holds 1e\\+308.* numbers beyond 1e\\+150"),
}


@pytest.mark.parametrize(("frame", "data", "splitting", "sentence"), BAD.values(), ids=BAD)
def test_what_ingest_would_refuse_makes_no_snapshot(
    tmp_path: Path, frame: pd.DataFrame, data: dict[str, Any], splitting: dict[str, Any], sentence: str
) -> None:
    frame.to_csv(tmp_path / "table.csv", index=False)
    asked, rule = DataParams(**data), SplitParams(**splitting)
    with pytest.raises(HourglassError, match=sentence) as refused:
        making.build(str(tmp_path / "table.csv"), tmp_path / "data", asked, rule, require_usable=True)
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]
    said = said_by_ingest(tmp_path / "table.csv", tmp_path, asked, rule)
    if "1e+308" not in said:  # of which here the row is known, too
        assert str(refused.value) == said


def test_arrays_with_too_many_infinite_rows_make_no_snapshot(tmp_path: Path) -> None:
    x = DRAW.normal(size=(ROWS, 4))
    x[::50, 1] = np.inf
    np.save(tmp_path / "x.npy", x)
    with pytest.raises(HourglassError, match="6 of 300 rows have a missing or infinite value, more than the share"):
        making.build(str(tmp_path / "x.npy"), tmp_path / "data", DataParams(), require_usable=True)
    making.build(str(tmp_path / "x.npy"), tmp_path / "data", DataParams(max_invalid=0.02), require_usable=True)


def test_what_settings_of_columns_mend_makes_a_snapshot(tmp_path: Path) -> None:
    frame = table(gaps=[None, 0.5, 1.5] * 100, other=INFINITE, who=[f"id-{number}" for number in range(ROWS)])
    frame.to_csv(tmp_path / "table.csv", index=False)
    with pytest.raises(HourglassError, match="'other'"):
        making.build(str(tmp_path / "table.csv"), tmp_path / "data", DataParams(), require_usable=True)
    data = DataParams(columns={"other": "ignore", "elsewhere": "category"})
    making.build(str(tmp_path / "table.csv"), tmp_path / "data", data, require_usable=True)
    assert {"gaps", "other", "who"} <= {column["name"] for column in snapshot.held(tmp_path / "data")["columns"]}


def test_a_column_whose_texts_training_rows_cannot_learn_is_told_as_one_that_cannot_be_used(tmp_path: Path) -> None:
    frame = table(shop=[f"shop-{number % 140}" for number in range(ROWS)])
    frame.to_csv(tmp_path / "table.csv", index=False)
    making.build(str(tmp_path / "table.csv"), tmp_path / "data", DataParams(), require_usable=True)
    (shop,) = (one for one in snapshot.held(tmp_path / "data")["columns"] if one["name"] == "shop")
    assert shop["type"] is None
    assert shop["why"].startswith("column 'shop' has too many different texts for the normal training rows to learn")


def test_nothing_is_read_once_more_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table(day=DAYS).to_csv(tmp_path / "table.csv", index=False)
    passes = []
    blocks = snapshot.Snapshot.blocks
    monkeypatch.setattr(snapshot.Snapshot, "blocks", lambda *given: passes.append(1) or blocks(*given))
    splitting = SplitParams(by="time", column="day")
    for place, asked in enumerate((False, True)):
        source = str(tmp_path / "table.csv")
        making.build(source, tmp_path / f"data-{place}", DataParams(), splitting, require_usable=asked)
    assert len(passes) == 2
