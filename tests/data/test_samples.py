"""The sample is a few different rows, the same ones however the rows come."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hourglass.data.dataset import Stored
from hourglass.data.samples import Sample


def stored(x: np.ndarray, first: int = 0) -> Stored:
    rows = len(x)
    index = np.arange(first, first + rows)
    return Stored(x, index % 3, index, np.empty((rows, 0)), np.ones(rows, bool))


def hashes(rows: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 2**64, rows, np.uint64)


def sampled(rows: int, *cuts: int, order: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """Sample rows that come in blocks, each number its own row."""
    places = np.arange(rows) if order is None else order
    splits = (hashes(rows) >> np.uint64(62)).astype(np.int8)
    whole = Sample((1,), np.float64)
    for part in np.split(places, sorted(cuts)):
        whole.update(stored(part[:, None].astype(float)), hashes(rows)[part], splits[part], np.ones(len(part), bool))
    return whole.arrays()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 3000), max_size=4), st.integers(0, 2**32))
def test_neither_blocks_nor_order_change_the_sample(cuts: list[int], seed: int) -> None:
    order = np.random.default_rng(seed).permutation(3000)
    found, expected = sampled(3000, *cuts, order=order), sampled(3000)
    np.testing.assert_array_equal(found["x"], expected["x"])
    np.testing.assert_array_equal(found["split"], expected["split"])


def test_merging_parts_gives_the_sample_of_all() -> None:
    halves = []
    for part in np.split(np.arange(3000), 2):
        one = Sample((1,), np.float64)
        rows = part[:, None].astype(float)
        one.update(stored(rows), hashes(3000)[part], np.zeros(len(part), np.int8), np.ones(len(part), bool))
        halves.append(Sample.from_arrays(one.arrays()))
    halves[0].merge(halves[1])
    np.testing.assert_array_equal(halves[0].arrays()["x"], sampled(3000)["x"])


def test_a_sample_holds_at_most_so_many_rows_and_bytes() -> None:
    assert len(sampled(3000)["x"]) == 512
    image = (256, 256, 4)
    large = Sample(image, np.uint8)
    large.update(stored(np.zeros((40, *image), np.uint8)), hashes(40), np.zeros(40, np.int8), np.ones(40, bool))
    assert large.arrays()["x"].nbytes == 4 * 2**20


def test_a_row_that_is_there_twice_is_taken_once_and_where_it_comes_first() -> None:
    sample = Sample((1,), np.float64)
    same = np.repeat(hashes(10), 100)
    sample.update(stored(np.zeros((1000, 1))), same, np.zeros(1000, np.int8), np.ones(1000, bool))
    np.testing.assert_array_equal(np.sort(sample.arrays()["index"]), np.arange(0, 1000, 100))


def test_rows_of_every_split_are_as_likely_although_hashes_decide_the_split() -> None:
    counts = np.bincount(sampled(100_000)["split"], minlength=4)
    assert abs(counts / 512 - 0.25).max() < 4 * np.sqrt(0.25 * 0.75 / 512)


def test_only_marked_rows_are_taken() -> None:
    sample = Sample((1,), np.float64)
    sample.update(stored(np.arange(50.0)[:, None]), hashes(50), np.zeros(50, np.int8), np.arange(50) % 7 == 0)
    assert set(sample.arrays()["index"]) == set(range(0, 50, 7))


def test_classes_get_other_numbers() -> None:
    sample = Sample((1,), np.float64)
    sample.update(stored(np.arange(50.0)[:, None]), hashes(50), np.zeros(50, np.int8), np.ones(50, bool))
    found = sample.numbered(np.array([7, 8, 9]))
    np.testing.assert_array_equal(found.arrays()["label"], sample.arrays()["label"] + 7)
