"""What is read of rows of each kind."""

import numpy as np
import pandas as pd

from hourglass.drift.watched import read, watched
from hourglass.runtime.array import ArraySchema
from hourglass.runtime.schema import schema_from_config
from hourglass.runtime.signal import SignalSchema
from hourglass.runtime.table import Column, TableSchema

TABLE = TableSchema(
    (
        Column("size", "number"),
        Column("paid", "boolean"),
        Column("kind", "category", ("a", "b")),
        Column("when", "time"),
    )
)


def test_each_column_of_a_table_is_read_as_numbers_with_what_is_missing_or_unknown_told_apart() -> None:
    rows = pd.DataFrame(
        {
            "size": [1.5, None, "large"],
            "paid": [True, "no idea", None],
            "kind": ["b", None, "z"],
            "when": ["1970-01-01T00:01:00Z", "soon", None],
            "other": 0,
        }
    )
    assert [(one.name, one.values, one.type) for one in watched(TABLE)] == [
        ("size", (), "number"),
        ("paid", ("false", "true"), "category"),
        ("kind", ("a", "b"), "category"),
        ("when", (), "time"),
    ]
    nan, inf = np.nan, np.inf
    expected = [[1.5, nan, inf], [1, inf, nan], [1, nan, inf], [60, inf, nan]]
    np.testing.assert_array_equal(np.stack(read(TABLE, rows)), expected)


def test_reading_leaves_the_rows_as_they_are() -> None:
    rows = pd.DataFrame({"size": [1.0, np.inf]})
    read(TableSchema((Column("size", "number"),)), rows)
    assert rows["size"].tolist() == [1.0, np.inf]


def test_short_arrays_are_watched_by_entry_and_long_ones_are_summed_up() -> None:
    rows = np.arange(6.0).reshape(2, 3)
    short = ArraySchema("array", (3,))
    assert [one.name for one in watched(short)] == ["entry 1", "entry 2", "entry 3"]
    np.testing.assert_array_equal(np.stack(read(short, rows)), rows.T)
    wide = ArraySchema("array", (300,))
    assert [one.name for one in watched(wide)] == ["mean", "spread"]


def test_colour_images_are_summed_up_by_channel() -> None:
    schema = ArraySchema("image", (4, 4, 3))
    images = np.zeros((2, 4, 4, 3), np.uint8)
    images[1, :2, :, 2] = 200
    names = [one.name for one in watched(schema)]
    assert names == [f"{what} of channel {number}" for what in ("mean", "spread") for number in (1, 2, 3)]
    found = dict(zip(names, read(schema, images), strict=True))
    assert found["mean of channel 3"].tolist() == found["spread of channel 3"].tolist() == [0, 100]
    assert found["mean of channel 1"].tolist() == [0, 0]


def test_windows_are_summed_up_by_channel() -> None:
    schema = SignalSchema("when", ("heat", "load"), window=4, stride=4, period=10**9)
    windows = np.zeros((1, 4, 2))
    windows[0, :, 1] = [1, 3, 1, 3]
    names = [one.name for one in watched(schema)]
    assert names == ["mean of heat", "mean of load", "spread of heat", "spread of load"]
    assert [values.tolist() for values in read(schema, windows)] == [[0], [2], [0], [1]]


def test_a_schema_of_any_kind_that_a_package_holds_is_watched() -> None:
    for schema in (TABLE, ArraySchema("array", (2,)), ArraySchema("image", (4, 4))):
        again = schema_from_config(schema.config())
        assert watched(again) == watched(schema)
