"""``train.ensemble``: nets that make one model."""

import json

import numpy as np
import pytest

from hourglass.runtime import Model

pytestmark = [pytest.mark.slow, pytest.mark.long]


def test_the_first_member_is_the_net_alone_and_the_package_tells_how_far_members_are_apart(clone, tmp_path):
    project = clone.copy(tmp_path / "project")
    for command in (["data", "digits"], ["ingest"], ["train", "vae"]):
        project.hourglass(*command)
    trained = project.root / "work/train/vae"
    alone = (trained / "weights.safetensors").read_bytes()
    project.set(train={"ensemble": 2})
    for command in ("train", "package", "evaluate"):
        project.hourglass(command, "vae")
    assert (trained / "weights.safetensors").read_bytes() == alone
    assert (trained / "members/2/weights.safetensors").read_bytes() != alone
    assert [other["seed"] for other in json.loads((trained / "model.json").read_text())["others"]] == [1]
    assert not list(trained.rglob("trained.safetensors"))
    found = json.loads((project.root / "work/evaluate/vae/evaluation.json").read_text())["ensemble"]
    judged = Model(project.root / "work/package/vae").score(np.arange(256, dtype=np.uint8).reshape(4, 8, 8) % 17)
    assert found["members"] == 2
    assert found["relative_spread"] > 0
    assert (judged["score_spread"] > 0).all()
