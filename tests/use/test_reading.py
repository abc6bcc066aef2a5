"""Files are read as the model learnt them."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from hourglass.data.params import DataParams
from hourglass.errors import HourglassError
from hourglass.runtime import Model
from hourglass.runtime.table import Column, TableSchema
from hourglass.use import reading


def model_of(*columns: Column) -> Model:
    """Make what stands for a model of a table: its schema is all that reading asks for."""
    schema = TableSchema(columns)
    found: Any = SimpleNamespace(schema=schema, config={"schema": schema.config()}, conditioning=None)
    return cast(Model, found)


@pytest.mark.parametrize("values", [("007", "012", "A1"), ("1.0", "2.0", "x")])
def test_categories_are_known_in_a_file_where_they_all_look_like_numbers(
    tmp_path: Path, values: tuple[str, ...]
) -> None:
    model = model_of(Column("code", "category", values), Column("x", "number"))
    pd.DataFrame({"code": values[:2], "x": [1, 2]}).to_csv(tmp_path / "given.csv", index=False)
    ((raw, _),) = reading.blocks(model, str(tmp_path / "given.csv"), DataParams())
    assert raw.rows["code"].tolist() == list(values[:2])
    assert model.schema.encode(raw.rows)[1].all()


def test_categories_that_numbers_spell_are_read_however_they_are_written(tmp_path: Path) -> None:
    model = model_of(Column("code", "category", ("1", "2")))
    (tmp_path / "given.csv").write_text("code,y\n1.0,0\n2,0\n")
    ((raw, _),) = reading.blocks(model, str(tmp_path / "given.csv"), DataParams())
    assert model.schema.encode(raw.rows)[1].all()


def test_table_that_lacks_a_column_is_named_with_the_column(tmp_path: Path) -> None:
    given = tmp_path / "given.csv"
    given.write_text("x\n1\n")
    with pytest.raises(HourglassError, match=rf"^{given}: column 'y' is missing; the model needs x, y\.$"):
        next(reading.blocks(model_of(Column("x", "number"), Column("y", "number")), str(given), DataParams()))


def test_rows_are_counted_where_a_file_says_how_many_there_are(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((7, 2)))
    pd.DataFrame({"x": range(5)}).to_parquet(tmp_path / "b.parquet")
    (tmp_path / "c.csv").write_text("x\n1\n")
    (tmp_path / "torn.parquet").write_bytes(b"PAR1")
    (tmp_path / "torn.npy").write_bytes(b"")
    np.save(tmp_path / "number.npy", np.float64(3))
    names = ["a.npy", "b.parquet", "c.csv", "torn.parquet", "torn.npy", "absent.npy", "number.npy"]
    assert [reading.count(str(tmp_path / name)) for name in names] == [7, 5, *[None] * 5]
