"""A consumer opens what is registered, and who scores by the champion knows which version that was."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hourglass.errors import HourglassError
from hourglass.files import read_json
from hourglass.project import Project
from hourglass.registry import consume, tracking, versions
from hourglass.registry.standing import CHAMPION
from tests.conftest import Packaged
from tests.serving import saved

NAME = "consumed"


@pytest.fixture(scope="module")
def source(image_vae: Packaged, tmp_path_factory: pytest.TempPathFactory) -> str:
    return saved(image_vae, tmp_path_factory.mktemp("saved") / "model")


@pytest.fixture
def registered(client: Any, source: str) -> Any:
    """Two versions of a name, the first of which is champion."""
    tags = {
        tracking.VARIANT: "vae",
        "hourglass.metric": "auroc",
        "hourglass.value": "0.9",
        "hourglass.settings": "same",
        versions.PARAMS: json.dumps({"split": {}}),
    }
    client.create_registered_model(NAME)
    for key in ("first", "second"):
        client.create_model_version(NAME, source, tags=tags | {versions.KEY: key})
    client.set_registered_model_alias(NAME, CHAMPION, "1")
    yield
    client.delete_registered_model(NAME)


def test_the_champion_is_opened_with_the_version_that_it_is(
    project: Project, registered: Any, image_vae: Packaged, digits: Any
) -> None:
    model, uri = consume.champion(project, NAME)
    assert uri == f"models:/{NAME}/1"
    assert read_json(model.folder / "manifest.json") == read_json(image_vae.folder / "manifest.json")
    rows = digits.rows[:3]
    np.testing.assert_array_equal(model.anomaly_score(rows), image_vae.model.anomaly_score(rows))


def test_a_name_without_a_champion_says_how_to_make_one(project: Project) -> None:
    with pytest.raises(HourglassError, match=r"nobody has no champion yet; `hourglass run` makes one"):
        consume.champion(project, "nobody")


def test_a_folder_is_opened_as_it_is(image_vae: Packaged, tmp_path: Path) -> None:
    assert consume.load(str(image_vae.folder)).config == image_vae.model.config
