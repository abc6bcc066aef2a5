"""Packed files come back as they were, in their order; an archive that was tampered with is refused."""

import io
import os
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hourglass.data.sources import tars
from hourglass.errors import HourglassError


def tar_of(path: Path, *members: tarfile.TarInfo) -> None:
    with tarfile.open(path, "w") as archive:
        for member in members:
            member.size = 1
            archive.addfile(member, io.BytesIO(b"x"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b/2.bin", "a/1.bin", "a/" + "n" * 150 + ".bin"):
        (tmp_path / "raw" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "raw" / name).write_bytes(name.encode() * 3)
    (tmp_path / "shard").mkdir()
    return tmp_path


def packed(folder: Path) -> Path:
    files = tars.in_order((folder / "raw").rglob("*.bin"), folder / "raw")
    tars.pack(files, folder / "raw", folder / "shard", "files")
    return folder / "shard"


def test_files_come_back_in_the_order_of_their_paths(folder: Path) -> None:
    found = list(tars.unpack(packed(folder), "files"))
    assert [file.name for file in found] == ["a/1.bin", "a/" + "n" * 150 + ".bin", "b/2.bin"]
    assert all(file.content == (folder / "raw" / file.name).read_bytes() for file in found)
    assert found[0].origin.endswith("shard/files-00000.tar:a/1.bin")


def test_the_same_files_give_the_same_bytes_whatever_their_times(folder: Path) -> None:
    before = (packed(folder) / "files-00000.tar").read_bytes()
    for file in (folder / "raw").rglob("*.bin"):
        os.utime(file, (1, 1))
        file.chmod(0o600)
    assert (packed(folder) / "files-00000.tar").read_bytes() == before


@given(sizes=st.lists(st.integers(0, 30), min_size=1, max_size=8), limit=st.integers(1, 40))
def test_no_archive_holds_more_than_its_limit_unless_one_file_does(
    sizes: list[int], limit: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("parts")
    files = [folder / f"{number}.bin" for number in range(len(sizes))]
    for file, size in zip(files, sizes, strict=True):
        file.write_bytes(b"x" * size)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tars, "_TAR_BYTES", limit)
        tars.pack(files, folder, folder, "files")
    assert [file.name for file in tars.unpack(folder, "files")] == [file.name for file in files]
    for tar in folder.glob("*.tar"):
        with tarfile.open(tar) as archive:
            held = [member.size for member in archive]
        assert len(held) == 1 or sum(held) <= limit


@pytest.mark.parametrize("name", ["../outside.bin", "a/../../outside.bin", "/outside.bin"])
def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    tar_of(tmp_path / "files-00000.tar", tarfile.TarInfo("fine.bin"), tarfile.TarInfo(name))
    with pytest.raises(HourglassError, match=r"files-00000.tar holds '.*outside.bin', which is no file inside"):
        list(tars.unpack(tmp_path, "files"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE])
def test_what_is_no_file_is_refused(tmp_path: Path, kind: bytes) -> None:
    member = tarfile.TarInfo("link")
    member.type, member.linkname = kind, "fine.bin"
    tar_of(tmp_path / "files-00000.tar", tarfile.TarInfo("fine.bin"), member)
    with pytest.raises(HourglassError, match="holds 'link', which is no file inside the folder"):
        list(tars.unpack(tmp_path, "files"))


@pytest.mark.parametrize("share", [0.3, 0.05])
def test_an_archive_that_is_cut_off_is_refused(folder: Path, share: float) -> None:
    tar = packed(folder) / "files-00000.tar"
    tar.write_bytes(tar.read_bytes()[: int(share * tar.stat().st_size)])
    with pytest.raises(HourglassError, match=r"files-00000.tar is damaged .*dvc pull"):
        list(tars.unpack(folder / "shard", "files"))


@given(place=st.sampled_from([*range(148), *range(156, 512)]), bit=st.integers(0, 7))  # all but the sum itself
def test_a_head_with_a_wrong_bit_is_refused(place: int, bit: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    tar_of(folder / "files-00000.tar", tarfile.TarInfo("fine.bin"))
    content = bytearray((folder / "files-00000.tar").read_bytes())
    content[place] ^= 1 << bit
    (folder / "files-00000.tar").write_bytes(content)
    with pytest.raises(HourglassError):
        list(tars.unpack(folder, "files"))


def test_a_shard_without_archives_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HourglassError, match="holds no files; run `hourglass data SOURCE` again"):
        list(tars.unpack(tmp_path, "files"))
