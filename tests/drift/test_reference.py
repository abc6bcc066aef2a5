"""What a package keeps of its calibration rows."""

from typing import Any

import numpy as np
import pytest

from hourglass.drift import reference
from hourglass.drift.reference import REFERENCE, Gathering, Reference
from hourglass.errors import HourglassError
from hourglass.files import read_json, write_json


def test_a_package_carries_sketches_of_its_normal_calibration_rows(image_vae: Any) -> None:
    found = Reference.of(image_vae.model)
    rows = image_vae.dataset.rows("calibration")
    normal = int((~image_vae.dataset.is_anomaly(rows.label)).sum())
    assert [one.watched.name for one in found.columns] == ["mean", "spread"]
    assert [one.watched.name for one in found.units] == ["unit 1", "unit 2", "unit 3", "unit 4"]
    assert {one.counts.rows for one in found.columns + found.units} == {found.sums.rows} == {normal}
    gone, every = found.dropped
    assert gone == 0
    assert every == sum(split["rows"] for split in image_vae.dataset.info["counts"].values())


def test_a_reference_is_read_as_it_was_written(table_autoencoder: Any, tmp_path: Any) -> None:
    found = Reference.of(table_autoencoder.model)
    found.write(tmp_path)
    assert (tmp_path / REFERENCE).read_bytes() == (table_autoencoder.folder / REFERENCE).read_bytes()


def test_a_reference_of_another_format_is_refused(table_autoencoder: Any, tmp_path: Any) -> None:
    model = table_autoencoder.model
    write_json(tmp_path / REFERENCE, read_json(model.folder / REFERENCE) | {"format_version": 9})
    model.folder = tmp_path
    with pytest.raises(HourglassError, match="has format 9; this version reads format 1"):
        Reference.of(model)


def test_of_many_rows_evenly_spread_ones_are_kept_however_they_come(monkeypatch: Any) -> None:
    monkeypatch.setattr(reference, "_MOST_ROWS", 10)
    for size in (1, 3, 7, 50):
        kept = reference._Thinned()
        for start in range(0, 50, size):
            kept.take(np.arange(50)[start : start + size])
        assert kept.rows().tolist() == [0, 8, 16, 24, 32, 40, 48]


def test_only_marked_rows_are_taken(table_autoencoder: Any) -> None:
    rows = table_autoencoder.dataset.raw("calibration").iloc[:40]
    which = np.arange(40) % 2 == 0
    some, same = Gathering(table_autoencoder.model), Gathering(table_autoencoder.model)
    some.take(rows, which, 0)
    same.take(rows[which], np.ones(20, bool), 0)
    assert [one.config() for one in some.reference().columns] == [one.config() for one in same.reference().columns]
    assert some.reference().dropped == (0, 20)
    assert some.reference((3, 90)).dropped == (3, 90)
