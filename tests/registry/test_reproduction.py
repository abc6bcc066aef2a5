"""``hourglass reproduce``: what counts as the same, and what can't be rebuilt."""

import json
import re
import subprocess
from datetime import UTC, datetime

import numpy as np
import pytest
from ruamel.yaml import YAML

from hourglass.errors import HourglassError
from hourglass.files import write_json
from hourglass.project import Project
from hourglass.registry import reproduction
from hourglass.registry.origin import Origin
from hourglass.registry.provenance import Provenance
from hourglass.registry.reproduction import TOLERANCE, Reproduction

HERE = {"cpu": "AVX2", "threads": 1}
ELSEWHERE = {"cpu": "AVX512", "threads": 1}


def origin(commit="c" * 40, dirty=()):
    return Origin(
        name="payments",
        number=3,
        variant="vae",
        registered=datetime(2026, 5, 1, tzinfo=UTC),
        aliases=(),
        run="r",
        provenance=Provenance(commit, dirty),
        data="d" * 32 + ".dir",
        params={"seed": 7, "vae": {"latent": 4}},
        fingerprint=HERE,
        manifest="m" * 64,
    )


def rebuilt(differing=(), fingerprint=HERE, difference=0.0, rows=100, apart=(), **of):
    return Reproduction(origin(**of), fingerprint, differing, 17, rows, difference, apart)


@pytest.mark.parametrize(
    ("found", "match", "said"),
    [
        (rebuilt(), True, "reproduced bit for bit: all 17 files are equal"),
        (rebuilt(fingerprint=ELSEWHERE), True, "reproduced bit for bit"),
        (
            rebuilt(("encode.onnx",)),
            False,
            "is not reproduced: on the same fingerprint 1 of 17",
        ),
        (rebuilt(("encode.onnx",), ELSEWHERE, 1e-3), True, "within tolerance: on another fingerprint .* at most 0.001"),
        (rebuilt(("encode.onnx",), ELSEWHERE, 2 * TOLERANCE), False, "is not reproduced: on another fingerprint"),
        (rebuilt(("runtime/model.py",), ELSEWHERE, 0.0), False, "is not reproduced: on another fingerprint"),
        (rebuilt(("encode.onnx",), ELSEWHERE, rows=0), False, "is not reproduced: .* scores of 0 selection rows"),
        (rebuilt(("config.json",), ELSEWHERE, apart=("threshold",)), False, "further apart than that: threshold"),
    ],
)
def test_same_bits_are_asked_for_on_the_same_fingerprint_and_close_scores_on_another(found, match, said):
    assert found.match is match
    assert re.search(said, found.verdict)
    assert found.facts()["match"] is match


def test_scores_are_compared_relative_to_the_larger_one():
    assert reproduction._difference(np.array([1.0, 100.0]), np.array([1.1, 100.0])) == pytest.approx(0.1 / 1.1)
    assert reproduction._difference(np.zeros(3), np.zeros(3)) == 0


def test_row_that_only_one_of_the_two_can_judge_is_no_match():
    assert reproduction._difference(np.array([1.0, np.nan]), np.array([1.0, 2.0])) == np.inf
    assert reproduction._difference(np.array([1.0, np.nan]), np.array([1.0, np.nan])) == 0


def test_infinite_difference_is_null_in_json():
    found = rebuilt(("encode.onnx",), ELSEWHERE, float("inf")).facts()
    assert found["scores"]["max_relative_difference"] is None
    assert not found["match"]
    json.dumps(found, allow_nan=False)


CONFIG = {"threshold": 2.0, "alpha": 0.05, "settings": {"latent": 4}, "normaliser": {"scale": [1.0, 3.0]}}


@pytest.mark.parametrize(
    ("change", "apart"),
    [
        ({"threshold": 2.001, "normaliser": {"scale": [1.0, 3.0000001]}}, ()),
        ({"threshold": 2.1}, ("threshold",)),
        ({"alpha": 0.0500001, "settings": {"latent": 5}}, ("alpha", "settings")),
        ({"normaliser": {"scale": [1.0]}, "more": 1}, ("more", "normaliser")),
    ],
)
def test_settings_must_be_equal_and_what_is_computed_close(tmp_path, change, apart):
    old, new = package(tmp_path / "old", CONFIG), package(tmp_path / "new", CONFIG | change)
    assert reproduction._apart(old, new) == apart


def test_calibration_scores_must_be_as_many_and_close(tmp_path):
    old = package(tmp_path / "old", CONFIG, [1.0, 2.0])
    assert reproduction._apart(old, package(tmp_path / "close", CONFIG, [1.0, 2.001])) == ()
    assert reproduction._apart(old, package(tmp_path / "far", CONFIG, [1.0, 3.0])) == ("calibration.npy",)
    assert reproduction._apart(old, package(tmp_path / "fewer", CONFIG, [1.0])) == ("calibration.npy",)


def package(folder, config, calibration=(1.0,)):
    folder.mkdir()
    write_json(folder / "config.json", config)
    np.save(folder / "calibration.npy", np.array(calibration))
    return folder


def test_only_changes_that_no_tag_holds_make_a_rebuild_doubtful():
    dirty = ("params.yaml", "data.dvc", "src/hourglass/models/vae.py")
    assert rebuilt(dirty=dirty).facts()["uncommitted"] == ["src/hourglass/models/vae.py"]


def test_settings_of_the_version_replace_those_of_its_commit_and_the_rest_stays(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("seed: 0 # decides all\nvae:\n  latent: 8\nrun:\n  slots: 2\n")
    reproduction._edit(path, origin().params)
    assert YAML(typ="safe").load(path) == {"seed": 7, "vae": {"latent": 4}, "run": {"slots": 2}}


def test_version_made_outside_of_git_cannot_be_rebuilt(tmp_path):
    with pytest.raises(HourglassError, match="was made outside of git"):
        reproduction._require_commit(Project(tmp_path, tmp_path), origin(commit=""))


def test_project_that_lost_its_repository_is_told_so(tmp_path):
    with pytest.raises(HourglassError, match="is in no git repository"):
        reproduction._require_commit(Project(tmp_path, tmp_path), origin())


def test_commit_of_another_repository_is_named(tmp_path):
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    with pytest.raises(HourglassError, match=f"commit {'c' * 40}, which this repository doesn't have; fetch it"):
        reproduction._require_commit(Project(tmp_path, tmp_path), origin())
