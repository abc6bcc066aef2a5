"""Example rows as the page shows them."""

from types import SimpleNamespace

import numpy as np

from hourglass.report import galleries


def test_a_time_of_an_example_is_written_as_one_and_an_amount_in_full():
    columns = [{"name": "paid_at", "type": "time"}, {"name": "amount", "type": "number"}]
    data = SimpleNamespace(
        features=["paid_at", "amount"],
        overview={"columns": columns},
        normaliser=SimpleNamespace(inverse=lambda rows: rows),
    )
    one = SimpleNamespace(x=np.array([1.7e9, 20_480.0]), x_hat=np.array([1.7e9 + 3600, 0.5]), row=3, label="", score=1)
    row = galleries._table_row(SimpleNamespace(data=data), SimpleNamespace(examples={"worst": [one]}), "worst")
    assert [(name, value, rebuilt) for name, value, rebuilt, _ in row.features] == [
        ("amount", "20,480", "0.5"),
        ("paid_at", "2023-11-14 22:13", "2023-11-14 23:13"),
    ]
