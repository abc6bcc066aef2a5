"""Arrays of any shape come back as they were, in blocks within a limit; what hides in a file is refused."""

import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from safetensors.numpy import save_file

from hourglass.data.params import DataParams
from hourglass.data.settings import ImageSettings
from hourglass.data.sources import array, joined
from hourglass.errors import HourglassError
from hourglass.runtime.images import Form

DTYPES = st.sampled_from(["bool", "uint8", "int16", "uint16", "int64", "float16", "float32", "float64"])
ROWS = st.tuples(DTYPES, arrays.array_shapes(min_dims=2, max_dims=5, max_side=4)).flatmap(
    lambda form: arrays.arrays(form[0], form[1])
)


def saved(folder: Path, suffix: str, x: np.ndarray, **beside: np.ndarray) -> Path:
    path = folder / f"data.{suffix}"
    if suffix == "npy":
        np.save(path, x)
    elif suffix == "npz":
        np.savez_compressed(path, x=x, **beside)
    else:
        save_file({"x": np.ascontiguousarray(x)} | beside, path)
    return path


def shard_of(path: Path) -> Path:
    shard = path.parent / "shard"
    shard.mkdir()
    array.take(path, shard, DataParams())
    return shard


@settings(max_examples=60)
@given(x=ROWS, suffix=st.sampled_from(["npy", "npz", "safetensors"]), limit=st.integers(1, 300))
def test_an_array_comes_back_bit_by_bit_whatever_the_limit(
    x: np.ndarray, suffix: str, limit: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    shard = shard_of(saved(tmp_path_factory.mktemp("array"), suffix, x))
    blocks = list(array.blocks(shard, array.kind_of(x), DataParams(), limit))
    whole = joined(blocks)
    assert whole.rows.dtype == x.dtype
    assert whole.rows.tobytes() == x.tobytes()
    assert all(block.rows.nbytes <= limit or len(block.rows) == 1 for block in blocks)


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
def test_what_lies_beside_stays_with_its_row(tmp_path: Path, suffix: str) -> None:
    x, pair, label = np.arange(24.0).reshape(6, 4), np.arange(12).reshape(6, 2), np.arange(6)
    shard = shard_of(saved(tmp_path, suffix, x, pair=pair, label=label))
    for block in array.blocks(shard, "array", DataParams(), 90):
        np.testing.assert_array_equal(block.rows[:, 0], 4 * block.side["label"])
        np.testing.assert_array_equal(block.arrays["pair"][:, 0], 2 * block.side["label"])


def test_an_array_in_fortran_order_keeps_its_rows(tmp_path: Path) -> None:
    x = np.asfortranarray(np.arange(12.0).reshape(4, 3))
    (found,) = array.blocks(shard_of(saved(tmp_path, "npy", x)), "array", DataParams(), 2**20)
    np.testing.assert_array_equal(found.rows, x)


def test_what_is_read_does_not_stay_in_memory(tmp_path: Path) -> None:
    """It would, as pages of a memory map."""
    x = np.zeros((500, 2**15))
    shard = shard_of(saved(tmp_path, "npy", x))
    del x
    read = "for _ in array.blocks(Path(sys.argv[1]), 'array', DataParams(), 2**22): pass"
    code = (
        "import resource, sys\nfrom pathlib import Path\nfrom hourglass.data.sources import array\n"
        "from hourglass.data.params import DataParams\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        f"before = peak()\n{read}\nprint((peak() - before) / 2**10)"
    )
    done = subprocess.run([sys.executable, "-c", code, shard], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 40  # MiB, of 125


def test_tensors_are_written_some_rows_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(array, "_CHUNK", 50)
    x = np.random.default_rng(0).normal(size=(7, 4))
    (found,) = array.blocks(shard_of(saved(tmp_path, "safetensors", x)), "array", DataParams(), 2**20)
    np.testing.assert_array_equal(found.rows, x)


@pytest.mark.parametrize("limit", [1, 5000, 2**20])
def test_pictures_in_arrays_get_the_form_that_is_asked_for(tmp_path: Path, limit: int) -> None:
    draw = np.random.default_rng(0)
    x, other = draw.integers(0, 256, (5, 6, 8), np.uint8), draw.integers(0, 256, (5, 9, 9, 3), np.uint8)
    shard = shard_of(saved(tmp_path, "npz", x, other=other, label=np.arange(5), z=np.zeros((5, 2))))
    data = DataParams(image=ImageSettings(size=[4, 3], fit="resize", channels=3))
    found = joined(list(array.blocks(shard, "image", data, limit)))
    form = Form((4, 3), "resize", 3)
    np.testing.assert_array_equal(found.rows, np.stack([form.apply(picture, "x") for picture in x]))
    np.testing.assert_array_equal(found.arrays["other"], np.stack([form.apply(picture, "x") for picture in other]))
    assert found.arrays["z"].shape == (5, 2)
    assert set(map(tuple, found.side[["height", "width"]].to_numpy())) == {(6, 8)}
    with pytest.raises(HourglassError, match="the picture in row 0 is 8 x 6 pixels; expected 3 x 4"):
        list(array.blocks(shard, "image", DataParams(image=ImageSettings(size=[4, 3])), limit))


@pytest.mark.parametrize("name", ["../out.npy", "/out.npy", "a/b.npy", "..npy", "a\\b.npy"])
def test_a_name_that_leads_out_of_an_archive_is_refused(tmp_path: Path, name: str) -> None:
    np.save(tmp_path / "x.npy", np.zeros((2, 2)))
    with zipfile.ZipFile(tmp_path / "data.npz", "w") as bundle:
        bundle.write(tmp_path / "x.npy", "x.npy")
        bundle.writestr(zipfile.ZipInfo(name), (tmp_path / "x.npy").read_bytes())
    before = {path for path in tmp_path.parent.rglob("*") if path.name.startswith("out")}
    with pytest.raises(HourglassError, match=r"data.npz: '.*' is no name for an array"):
        shard_of(tmp_path / "data.npz")
    assert {path for path in tmp_path.parent.rglob("*") if path.name.startswith("out")} == before


def test_an_array_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((2, 2)))
    with zipfile.ZipFile(tmp_path / "data.npz", "w") as bundle:
        bundle.write(tmp_path / "x.npy", "x.npy")
        with pytest.warns(UserWarning, match="Duplicate name"):
            bundle.write(tmp_path / "x.npy", "x.npy")
    with pytest.raises(HourglassError, match=r"data.npz holds 'x' twice; keep one"):
        shard_of(tmp_path / "data.npz")


@pytest.mark.parametrize("suffix", ["npy", "npz", "safetensors"])
def test_a_file_that_is_cut_off_is_refused(tmp_path: Path, suffix: str) -> None:
    path = saved(tmp_path, suffix, np.random.default_rng(0).normal(size=(50, 4)))
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(HourglassError, match=rf"data.{suffix} can't be read as .{suffix}"):
        shard_of(path)


def test_numbers_that_numpy_does_not_know_are_refused(tmp_path: Path) -> None:
    head = b'{"x":{"dtype":"BF16","shape":[2,2],"data_offsets":[0,8]}}'
    (tmp_path / "data.safetensors").write_bytes(len(head).to_bytes(8, "little") + head + bytes(8))
    with pytest.raises(HourglassError, match=r"data.safetensors (can't be read as|is of type)"):
        shard_of(tmp_path / "data.safetensors")
