"""Unfinished trainings: every checkpoint against the hash beside it."""

import json
from collections.abc import Iterator

from hourglass.project import Project
from hourglass.upkeep.hashed import Hashed

_INDEX = "checkpoint.json"
_DROP = "run `hourglass verify --fix`, which moves it away; the training then starts over"


def check(project: Project) -> Iterator[Hashed]:
    """Hash the checkpoints of the shared state."""
    for index in sorted((project.state / "work").rglob(_INDEX)):
        name = index.relative_to(project.home).as_posix()
        try:
            content = json.loads(index.read_text(encoding="utf-8"))
            file, sha256 = str(content["file"]), str(content["sha256"])
        except FileNotFoundError:
            continue  # its training has just ended
        except (ValueError, KeyError, TypeError):
            yield Hashed(name, index.stat().st_size, "is no index of a checkpoint", _DROP, path=index)
            continue
        yield Hashed(name, index.stat().st_size)
        weights = index.with_name(file)
        yield Hashed.held(weights, weights.relative_to(project.home).as_posix(), sha256, _DROP, "sha256")
