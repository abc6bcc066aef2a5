"""Labels tell normal from anomalous rows; what they can't tell is refused by name."""

import numpy as np
import pandas as pd
import pytest

from hourglass.data.labels import Labels, require_classes
from hourglass.data.params import DataParams
from hourglass.data.sources import Raw
from hourglass.errors import HourglassError


def labels(column: list[object], **params: object) -> Labels:
    frame = pd.DataFrame({"kind": column})
    settings = DataParams(label="kind", **params)
    found = Labels.of(Raw("table", frame, frame), settings)
    assert require_classes(found.names, settings) == found.anomalous
    return found


def test_the_classes_are_sorted_and_coded() -> None:
    found = labels(["c", "a", "b", "a"], normal=["a"])
    assert found.names == ("a", "b", "c")
    assert found.codes.tolist() == [2, 0, 1, 0]


def test_what_is_not_listed_as_normal_is_anomalous() -> None:
    assert labels(["c", "a", "b", "a"], normal=["a", "b"]).is_anomaly.tolist() == [True, False, False, False]


def test_what_is_not_listed_as_anomalous_is_normal() -> None:
    assert labels(["c", "a", "b", "a"], anomalous=["a"]).is_anomaly.tolist() == [False, True, False, True]


@pytest.mark.parametrize("column", [[1, 2], [1.0, 2.0], ["1", "2"]])
def test_a_number_is_one_label_however_it_is_written(column: list[object]) -> None:
    assert labels(column, normal=[1]).is_anomaly.tolist() == [False, True]


def test_truth_values_are_labels() -> None:
    assert labels([True, False], anomalous=[True]).is_anomaly.tolist() == [True, False]


def test_without_a_label_all_rows_are_normal() -> None:
    found = Labels.of(Raw("array", np.zeros((3, 2)), pd.DataFrame()), DataParams())
    assert found.codes.tolist() == [-1, -1, -1]
    assert not found.is_anomaly.any()


def test_an_unknown_column_is_named_with_those_there() -> None:
    frame = pd.DataFrame({"a": [1], "b": [2]})
    with pytest.raises(HourglassError, match=r"data.label is 'kind'.*there: a, b"):
        Labels.of(Raw("table", frame, frame), DataParams(label="kind", normal=[1]))


def test_an_unknown_value_is_named_with_those_there() -> None:
    with pytest.raises(HourglassError, match=r"data.normal names 'good'.*'kind'.*there: bad, fine"):
        labels(["fine", "bad"], normal=["good"])


def test_data_without_a_normal_row_is_refused() -> None:
    with pytest.raises(HourglassError, match="no row is normal"):
        labels(["a", "b"], anomalous=["a", "b"])


def test_a_missing_label_is_named_by_its_row() -> None:
    with pytest.raises(HourglassError, match="column 'kind', row 1: the label is missing"):
        labels(["a", None], normal=["a"])
