"""What a conditional model may be told."""

import numpy as np
import pandas as pd
import pytest

from hourglass.report.explorer.conditions import controls
from hourglass.runtime.array import ArraySchema
from hourglass.runtime.conditioning import Conditioning
from hourglass.runtime.normaliser import Normaliser
from hourglass.runtime.table import Column, TableSchema


def affine(offset, scale):
    return Normaliser(np.asarray(offset, float), np.asarray(scale, float))


@pytest.fixture
def table():
    columns = (Column("kind", "category", ("a", "b", "c")), Column("age", "number"), Column("old", "boolean"))
    columns += (Column("when", "time"),)
    told = Conditioning(TableSchema(columns), affine([0, 0, 0, 40, 0, 1.7e9], [1, 1, 1, 10, 1, 1e6]), of_label=False)
    draw = np.random.default_rng(0)
    rows = pd.DataFrame(
        {
            "kind": draw.choice(["a", "b", "c"], 60),
            "age": draw.normal(40, 10, 60),
            "old": draw.random(60) < 0.5,
            "when": pd.date_range("2024-01-01", periods=60, freq="D"),
        }
    )
    return told, rows, told.encode(rows)[0]


def test_options_put_together_are_what_the_model_is_told(table):
    told, rows, known = table
    found = controls(told, known, np.arange(len(rows)))
    chosen = [one["options"][-1] for one in found]
    values = {one["name"]: [option["text"]] for one, option in zip(found, chosen, strict=True)}
    values["age"] = [rows["age"].max()]
    expected, _ = told.encode(pd.DataFrame(values))
    assert [*(number for option in chosen for number in option["told"]), 1] == pytest.approx(expected[0], abs=1e-5)


def test_categories_list_their_values_and_numbers_go_from_end_to_end(table):
    told, rows, known = table
    kind, age, old, when = controls(told, known, np.arange(len(rows)))
    assert [option["text"] for option in kind["options"]] == ["a", "b", "c"]
    assert [option["text"] for option in age["options"]][:: len(age["options"]) - 1] == [
        f"{rows['age'].min():.4g}",
        f"{rows['age'].max():.4g}",
    ]
    assert [option["text"] for option in old["options"]] == ["False", "True"]
    assert when["options"][0]["text"].startswith("2024-01-01")


def test_numbers_begin_in_the_middle(table):
    told, rows, known = table
    _, age, *_ = controls(told, known, np.arange(len(rows)))
    assert float(age["options"][age["usual"]]["text"]) == pytest.approx(rows["age"].median(), abs=1)


def test_of_arrays_those_of_real_rows_can_be_chosen():
    told = Conditioning(ArraySchema("image", (2, 2), "photo"), affine(0, 255), of_label=False)
    photos = np.arange(40, dtype=np.uint8).reshape(10, 2, 2)
    known, _ = told.encode(photos)
    known[1] = 0  # nothing is known of this row
    (found,) = controls(told, known, np.arange(1000, 1010))
    assert found["name"] == "photo"
    assert [option["text"] for option in found["options"][:2]] == ["that of row 1,000", "that of row 1,002"]
    assert found["options"][1]["told"] == pytest.approx(photos[2].ravel() / 255)
