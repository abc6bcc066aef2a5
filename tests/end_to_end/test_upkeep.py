"""``hourglass doctor`` and ``hourglass verify`` on a whole project that was copied elsewhere and then spoilt."""

import json
import os
import shutil

import pytest

pytestmark = [pytest.mark.services, pytest.mark.slow]


@pytest.fixture
def elsewhere(finished, tmp_path):
    """A copy with its MLflow store, whose paths are those of the original."""
    root = tmp_path / "a moved project"
    shutil.copytree(finished.frozen.root, root)
    return type(finished.checkout)(root, finished.checkout.env)


def flip(path):
    """Flip a bit as a failing disk does: neither size nor time move."""
    before = path.stat()
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    path.chmod(before.st_mode)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def damaged(checkout, expect):
    found = json.loads(checkout.hourglass("verify", "--json", expect=expect))
    return {file["name"] for part in found.values() for file in part["damaged"]}


def test_moved_project_is_mended_and_every_flipped_bit_is_named_and_brought_back(elsewhere):
    assert "was moved or copied" in elsewhere.hourglass("doctor", expect=1)
    assert "paths in the store were set to" in elsewhere.hourglass("doctor", "--fix")
    assert damaged(elsewhere, expect=0) == set()

    (registered,) = elsewhere.root.glob("mlruns/artifacts/models/*/artifacts/artifacts/*/weights.safetensors")
    variant = registered.parent.name
    output = elsewhere.root / "work" / "package" / variant / "encode.onnx"
    cached = next(
        path for path in elsewhere.root.glob(".dvc/cache/files/md5/*/*") if path.read_bytes() == output.read_bytes()
    )
    graph = elsewhere.root / "work" / "package" / variant / "decode.onnx"
    for path in (registered, cached, graph):
        flip(path)
    expected = {
        "models:/hourglass/1: weights.safetensors",
        cached.relative_to(elsewhere.root).as_posix(),
        graph.relative_to(elsewhere.root).as_posix(),
    }
    assert damaged(elsewhere, expect=1) == expected

    elsewhere.hourglass("verify", "--fix")
    assert damaged(elsewhere, expect=0) == set()
    assert "models:/hourglass/1 (champion)" in elsewhere.hourglass("lineage", "models:/hourglass@champion")
