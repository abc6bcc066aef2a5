"""What a conditional model is told of the rows that it makes."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hourglass.evaluation import generated
from hourglass.runtime.array import ArraySchema
from hourglass.runtime.conditioning import Conditioning
from hourglass.runtime.normaliser import Normaliser
from hourglass.runtime.table import Column, TableSchema

KIND = Conditioning(
    TableSchema((Column("kind", "category", ("a", "b")),)), Normaliser(np.zeros(2), np.ones(2)), of_label=False
)
SKETCH = Conditioning(
    ArraySchema("image", (2, 2), name="sketch"), Normaliser(np.array(10.0), np.array(2.0)), of_label=False
)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Ask what a model is told of 20 rows, where so much is known of those of calibration."""
    monkeypatch.setattr(generated, "sample", lambda *_: np.arange(2))

    def asked(conditioning: Conditioning | None, *told: list[float]) -> Any:
        rows = {"calibration": SimpleNamespace(condition=np.array(told, np.float32))}
        dataset: Any = SimpleNamespace(take=lambda split, _: rows[split])
        return generated.known(SimpleNamespace(conditioning=conditioning), dataset, 20, seed=0)  # type: ignore[arg-type]

    return asked


def test_samples_are_told_what_is_known_of_rows_of_calibration(asked: Any) -> None:
    assert asked(KIND, [1, 0, 1], [0, 1, 1])["kind"].nunique() == 2
    assert set(asked(KIND, [1, 0, 1], [0, 0, 0])["kind"]) == {"a"}
    assert asked(SKETCH, [1, 2, 3, 4, 1], [0, 0, 0, 0, 0])["sketch"].tolist() == 20 * [[[12, 14], [16, 18]]]


def test_samples_are_told_nothing_where_nothing_is_known_or_nobody_asks(asked: Any) -> None:
    assert asked(KIND, [0, 0, 0], [0, 0, 0]) is None
    assert asked(None) is None
