"""Work that no stage has published yet: checkpoints and finished outputs against the hashes beside them."""

from collections.abc import Iterator
from pathlib import Path

from hourglass.errors import HourglassError
from hourglass.files import digest, read_json, sha256_of
from hourglass.project import Project
from hourglass.upkeep.hashed import Hashed

_CHECKPOINT, _FINISHED = "checkpoint.json", "finished.json"
_DROP = "run `hourglass verify --fix`, which moves it away; its stage then starts over"


def check(project: Project) -> Iterator[Hashed]:
    """Hash what the guard and the training keep in the shared state."""
    for index in sorted((project.state / "work").rglob(_CHECKPOINT)):
        yield from _checkpoint(index, index.relative_to(project.home).as_posix())
    for index in sorted((project.state / "work").glob(f"*/{_FINISHED}")):
        yield from _finished(index, index.relative_to(project.home).as_posix())


def _checkpoint(index: Path, name: str) -> Iterator[Hashed]:
    """Hold the weights and the progress, which share one hash, against it."""
    try:
        content = read_json(index)
        weights = index.with_name(content["file"])
        sound = digest([sha256_of(weights), content["progress"]]) == content["sha256"]
        size = weights.stat().st_size
    except FileNotFoundError:
        return  # its training goes on, and has just replaced it
    except (HourglassError, KeyError, TypeError):
        if index.exists():
            yield Hashed(name, index.stat().st_size, "is no index of a checkpoint", _DROP, path=index)
        return
    problem = "" if sound else f"or {index.name} differs from the hash that they share"
    yield Hashed(str(Path(name).with_name(weights.name)), size, problem, "" if sound else _DROP, path=index)


def _finished(index: Path, name: str) -> Iterator[Hashed]:
    try:
        expected = dict(read_json(index))
    except (HourglassError, TypeError, ValueError):
        if index.exists():
            yield Hashed(name, index.stat().st_size, "is no list of hashes", _DROP, path=index)
        return
    output = index.with_name("output")
    for inner, sha256 in expected.items():
        shown = f"{Path(name).parent.as_posix()}/output/{inner}"
        yield Hashed.held(output / inner, shown, str(sha256), _DROP, "sha256")
