"""Processes decode the same pictures, in the same order, as one that does it alone."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hourglass.data import decoding
from hourglass.data.decoding import File, Pictures, pictures
from hourglass.errors import HourglassError
from hourglass.runtime.images import Form, encode_png


def files(shapes: list[tuple[int, ...]]) -> list[File]:
    draw = np.random.default_rng(0)
    return [
        File(f"{place}.png", encode_png(draw.integers(0, 256, shape, np.uint8))) for place, shape in enumerate(shapes)
    ]


def apart(found: list[Pictures]) -> list[tuple[object, ...]]:
    """Take what came together apart, so that batches don't matter."""
    return [
        (several.facts, several.pixels[place].tobytes() if several.pixels is not None else None)
        for several in found
        for place in range(several.number)
    ]


MIXED = [(4, 5)] * 20 + [(4, 5, 3), (9, 9)] * 10 + [(4, 5)] * 7


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave nothing to the process that asks."""
    monkeypatch.setattr(decoding, "_FEW", 0)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_workers_find_what_one_process_finds(workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    there = files(MIXED)
    there[7] = File("7.png", there[7].content[:-40])
    alone = apart(list(pictures(there, Form())))
    monkeypatch.setattr(decoding, "_FEW", 0)
    assert apart(list(pictures(there, Form(), workers=workers))) == alone
    assert [facts.flaw for facts, _ in alone] == [None] * 7 + ["broken"] + [None] * 39
    assert alone[20][0].shape == (4, 5, 3)


def test_facts_alone_carry_no_pixels(at_once: None) -> None:
    assert all(found.pixels is None for found in pictures(files(MIXED), Form(), pixels=False, workers=1))


def test_pictures_get_the_form_and_say_what_size_they_had(at_once: None) -> None:
    (found,) = pictures(files([(6, 8)]), Form((3, 4), "resize", 3), workers=1)
    assert (found.facts.shape, found.facts.size, found.number) == ((3, 4, 3), (6, 8), 1)
    (refused,) = pictures(files([(6, 8)]), Form((3, 4)), workers=1)
    assert (refused.facts.flaw, refused.pixels) == ("unfit", None)
    assert refused.facts.sentence.startswith("0.png is 8 x 6 pixels; expected 4 x 3")


def test_no_more_is_read_ahead_than_workers_have_before_them(at_once: None) -> None:
    read = []

    def watched() -> object:
        for file in files([(500, 600)] * 60):
            read.append(file.name)
            yield file

    found = pictures(watched(), Form(), workers=2)
    for _ in range(3):
        next(found)
    assert len(read) <= 1 + 2 * 2 * 3 + 3  # one alone, and three fill a megabyte
    found.close()


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Processes, as they are started."""
    found: list[Any] = []
    popen = subprocess.Popen

    def watched(*arguments: Any, **options: Any) -> Any:
        found.append(popen(*arguments, **options))
        return found[-1]

    monkeypatch.setattr(subprocess, "Popen", watched)
    return found


def test_a_killed_worker_is_a_sentence(at_once: None, started: list[Any]) -> None:
    found = pictures(files([(4, 5)] * 2000), Form(), workers=1)
    next(found)
    os.kill(started[0].pid, signal.SIGKILL)
    with pytest.raises(HourglassError, match=r"the process that decodes images was killed at \d+.png"):
        list(found)


def test_workers_end_with_who_started_them(at_once: None, started: list[Any]) -> None:
    found = pictures(files([(4, 5)] * 50), Form(), workers=2)
    next(found)
    assert [process.poll() for process in started] == [None, None]
    found.close()
    assert all(process.poll() is not None for process in started)


def test_a_worker_imports_no_more_than_it_needs() -> None:
    code = (
        "import sys, hourglass.data.decoding; "
        "print([name for name in ('pandas', 'onnxruntime', 'torch', 'pydantic') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_program_without_a_guard_around_its_main_part_may_decode(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(
        "from hourglass.data import decoding\n"
        "from hourglass.runtime.images import Form, encode_png\n"
        "import numpy as np\n"
        "decoding._FEW = 0\n"
        "file = decoding.File('a.png', encode_png(np.zeros((4, 5), np.uint8)))\n"
        "print(sum(found.number for found in decoding.pictures([file] * 30, Form(), workers=2)))\n"
    )
    done = subprocess.run([sys.executable, tmp_path / "program.py"], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("30\n", "")
