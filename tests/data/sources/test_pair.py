"""Two folders become pairs by the names of their files, and pairs are made of single images."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hourglass.data import making, proposal, shards, snapshot
from hourglass.data.params import DataParams
from hourglass.data.settings import ImageSettings
from hourglass.data.sources import Raw, joined, pair
from hourglass.errors import HourglassError
from hourglass.runtime.derived import derive


def picture(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def folders(root: Path, count: int = 5) -> tuple[Path, Path]:
    for place in range(count):
        save(root / "photos" / f"{place}.bmp", picture(place, 4, 5, 3))
        save(root / "sketches" / f"{place}.png", picture(100 + place, 6, 2))
    return root / "photos", root / "sketches"


def taken(root: Path, data: DataParams, limit: int = 2**20) -> Raw:
    (root / "shard").mkdir()
    kind = pair.take(root / "photos", root / "shard", data)
    return joined(list(pair.blocks(root / "shard", kind, data, limit)))


@settings(max_examples=20)
@given(count=st.integers(1, 9), limit=st.integers(1, 1000))
def test_partners_stay_together_whatever_the_limit(
    count: int, limit: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("pairs")
    _, other = folders(root, count)
    found = taken(root, DataParams(pair=str(other)), limit)
    assert list(found.side["file"]) == [f"{place}.bmp" for place in range(count)]
    for place in range(count):
        np.testing.assert_array_equal(found.rows[place], picture(place, 4, 5, 3))
        np.testing.assert_array_equal(found.arrays["pair"][place], picture(100 + place, 6, 2))


@pytest.mark.parametrize(("folder", "suffix"), [("photos", "bmp"), ("sketches", "png")])
def test_an_image_without_a_partner_is_named(tmp_path: Path, folder: str, suffix: str) -> None:
    photos, sketches = folders(tmp_path)
    (tmp_path / folder / f"3.{suffix}").unlink()
    there, missing = (sketches, photos) if folder == "photos" else (photos, sketches)
    with pytest.raises(HourglassError, match=rf"{there} has '3' and {missing} has no image of that name \(1 such\)"):
        taken(tmp_path, DataParams(pair=str(sketches)))


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    _, other = folders(tmp_path)
    save(other / "3.bmp", picture(0, 6, 2))
    with pytest.raises(HourglassError, match=r"3.png and .*3.bmp differ in nothing but the suffix"):
        taken(tmp_path, DataParams(pair=str(other)))


def test_a_broken_image_takes_its_partner_along(tmp_path: Path) -> None:
    _, other = folders(tmp_path)
    (other / "2.png").write_bytes(b"text")
    found = taken(tmp_path, DataParams(pair=str(other), image=ImageSettings(broken="skip")))
    assert list(found.side["file"]) == ["0.bmp", "1.bmp", "3.bmp", "4.bmp"]
    np.testing.assert_array_equal(found.arrays["pair"][2], picture(103, 6, 2))
    assert '"2.png"' in (tmp_path / "shard" / "pair-skipped.json").read_text()


def test_the_partner_is_what_a_model_is_told(tmp_path: Path) -> None:
    photos, sketches = folders(tmp_path)
    settings = proposal.proposed_params(str(photos), pair=str(sketches))
    assert settings.condition == ["pair"]
    making.build(str(photos), tmp_path / "data", settings)
    assert snapshot.read(tmp_path / "data", settings).arrays["pair"].shape == (5, 6, 2)


def test_more_pairs_are_added_as_a_shard(tmp_path: Path) -> None:
    photos, sketches = folders(tmp_path / "old")
    settings = proposal.proposed_params(str(photos), pair=str(sketches))
    making.build(str(photos), tmp_path / "data", settings)
    more, others = folders(tmp_path / "new", count=7)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    with pytest.raises(HourglassError, match=r"is read as image; the snapshot in data/ is read as pair"):
        shards.add(more, tmp_path / "data", settings.model_copy(update={"pair": None}), now)
    assert shards.add(more, tmp_path / "data", settings.model_copy(update={"pair": str(others)}), now).new
    whole = snapshot.read(tmp_path / "data", settings)
    assert len(whole.rows) == len(whole.arrays["pair"]) == 12


def test_a_pair_needs_two_folders(tmp_path: Path) -> None:
    photos, sketches = folders(tmp_path)
    for source, other in ((str(photos), "absent"), ("digits", str(sketches))):
        with pytest.raises(HourglassError, match="is no folder; --pair takes two folders of images"):
            proposal.proposed_params(source, pair=other)
    with pytest.raises(HourglassError, match="give --pair or --derive, not both"):
        proposal.proposed_params(str(photos), pair=str(sketches), derive="edges")


@pytest.mark.parametrize("how", ["edges", "night"])
@pytest.mark.parametrize("limit", [1, 2000, 2**20])
def test_pairs_are_derived_of_any_images_whatever_the_limit(tmp_path: Path, how: str, limit: int) -> None:
    photos, _ = folders(tmp_path)
    pixels = np.stack([picture(place, 4, 5, 3) for place in range(5)])
    np.savez(tmp_path / "photos.npz", x=pixels)
    for source in (photos, tmp_path / "photos.npz"):
        settings = proposal.proposed_params(str(source), derive=how)
        assert settings.condition == [how]
        folder = tmp_path / f"data-{source.suffix[1:]}"
        making.build(str(source), folder, settings)
        blocks = snapshot.opened(folder, settings).shards[0].read(limit)
        np.testing.assert_array_equal(joined(list(blocks)).arrays[how], derive(pixels, how))


def test_only_images_have_edges(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((3, 4)))
    with pytest.raises(HourglassError, match=r"data.derive is 'edges' and the data are no images"):
        making.build(str(tmp_path / "x.npy"), tmp_path / "data", DataParams(derive="edges"))
    (tmp_path / "x.csv").write_text("a\n1\n2\n")
    with pytest.raises(HourglassError, match=r"data.derive is 'edges' and the data are no images"):
        making.build(str(tmp_path / "x.csv"), tmp_path / "data", DataParams(derive="edges", condition=["edges"]))
