import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hourglass.columns import Appended, Column
from hourglass.errors import HourglassError

SHAPES = [(), (3,), (2, 2), (0,)]
TYPES = ["float64", "float32", "uint8", "bool", "<U4"]


def column(folder, parts):
    for number, part in enumerate(parts):
        np.save(folder / f"x-{number:05d}.npy", part)
    return Column(sorted(folder.glob("x-*.npy")))


def some(rows, shape=(3,), dtype="float64"):
    return np.random.default_rng(rows).integers(0, 2, (rows, *shape)).astype(dtype)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", TYPES)
@given(counts=st.lists(st.integers(0, 5), min_size=1, max_size=4), data=st.data())
def test_a_stretch_of_rows_is_that_of_the_joined_files(shape, dtype, counts, data, tmp_path_factory):
    parts = [some(rows, shape, dtype) for rows in counts]
    stored, whole = column(tmp_path_factory.mktemp("rows"), parts), np.concatenate(parts)
    start = data.draw(st.integers(0, len(whole)))
    stop = data.draw(st.integers(start, len(whole)))
    found = stored.read(start, stop)
    assert len(stored) == len(whole)
    assert found.dtype == whole.dtype
    np.testing.assert_array_equal(found, whole[start:stop])


def test_rows_by_their_numbers_are_those_of_the_joined_files(tmp_path):
    parts = [np.arange(12.0).reshape(4, 3), np.arange(12.0, 30.0).reshape(6, 3)]
    stored = column(tmp_path, parts)
    for rows in ([0, 3, 4, 9], [9, 2, 3, 4, 5, 0, 0], [], list(range(10))):
        np.testing.assert_array_equal(stored.take(np.array(rows, int)), np.concatenate(parts)[rows])


def test_a_file_that_is_replaced_meanwhile_is_not_read(tmp_path):
    stored = column(tmp_path, [some(4), some(4)])
    np.save(tmp_path / "new.npy", some(4))
    (tmp_path / "new.npy").replace(tmp_path / "x-00001.npy")
    stored.read(0, 4)
    with pytest.raises(HourglassError, match=r"x-00001\.npy changed while it was being read; run this again"):
        stored.read(3, 5)


@given(counts=st.lists(st.integers(0, 5), min_size=1, max_size=4), shape=st.sampled_from(SHAPES))
def test_rows_that_are_appended_make_the_file_that_numpy_writes(counts, shape, tmp_path_factory):
    folder, parts = tmp_path_factory.mktemp("rows"), [some(rows, shape) for rows in counts]
    written = Appended(folder / "appended.npy")
    for part in parts:
        written.append(part)
    written.close()
    np.save(folder / "whole.npy", np.concatenate(parts))
    assert (folder / "appended.npy").read_bytes() == (folder / "whole.npy").read_bytes()


def test_a_file_that_is_gone_is_named(tmp_path):
    stored = column(tmp_path, [some(4)])
    (tmp_path / "x-00000.npy").unlink()
    with pytest.raises(HourglassError, match=r"x-00000\.npy can't be read \(No such file"):
        stored.read(0, 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"text", "can't be read as .npy"),
        (some(2, (4,)), r"has rows of float64 \(4,\), expected float64 \(3,\)"),
        (some(2, dtype="uint8"), "has rows of uint8"),
        (np.asfortranarray(some(2)), "is stored by columns"),
        (np.float64(1), "can't be read as .npy"),
        (np.array([None]), "can't be read as .npy"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_column_is_refused(content, message, tmp_path):
    np.save(tmp_path / "x-0.npy", some(2))
    if isinstance(content, bytes):
        (tmp_path / "x-1.npy").write_bytes(content)
    else:
        np.save(tmp_path / "x-1.npy", content, allow_pickle=True)
    with pytest.raises(HourglassError, match=f"x-1.npy {message}"):
        Column(sorted(tmp_path.glob("*.npy")))


def test_a_file_that_is_cut_short_is_told(tmp_path):
    stored = column(tmp_path, [some(4)])
    path = tmp_path / "x-00000.npy"
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(HourglassError, match="changed while it was being read"):
        stored.read(0, 4)
    with pytest.raises(HourglassError, match=r"can\'t be read as \.npy"):
        Column([path])
