"""Many images decoded by processes of their own, in order and within a bounded memory.

A worker is this file run as a program. It imports Pillow and numpy alone, reads files from its standard input, answers
on its standard output, and ends with the process that started it. Nothing is forked: the threads of torch and ONNX
Runtime stay where they are, and the program that called needs no guard around its main part.
"""

import json
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from itertools import chain, cycle, groupby, islice
from math import prod
from operator import itemgetter
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hourglass.errors import HourglassError
from hourglass.runtime.errors import InputError
from hourglass.runtime.images import Form, decode

#: Files, and bytes of them, that aren't worth a worker's start (0.2 s).
_FEW, _SMALL = 1000, 4 * 2**20
#: Files that go to a worker at once, and bytes of pixels that come back.
_BATCH, _BATCH_BYTES = 256, 2**20
#: Batches that each worker has before it, so that it never waits.
_AHEAD = 2


class File(NamedTuple):
    """An encoded image, and what messages call it."""

    name: str
    content: bytes


class Facts(NamedTuple):
    """What is known of a picture without its pixels.

    Parameters
    ----------
    shape, dtype : tuple of int and str
        Of the pixels, in the form that was asked for.
    size : (height, width)
        What the picture had before.
    flaw : "broken", "unfit" or None
        It can't be decoded, or can't be brought into the form.
    sentence : str
        What is wrong.
    """

    shape: tuple[int, ...] = ()
    dtype: str = ""
    size: tuple[int, int] = (0, 0)
    flaw: Literal["broken", "unfit"] | None = None
    sentence: str = ""

    @property
    def nbytes(self) -> int:
        """Bytes of the pixels."""
        return prod(self.shape) * np.dtype(self.dtype).itemsize if self.dtype else 0


class Pictures(NamedTuple):
    """Pictures that came one after the other and are alike.

    Parameters
    ----------
    facts : Facts
        The same of each.
    number : int
        How many they are.
    pixels : ndarray of shape (number, *shape), or None
        None where only facts were asked for, or something is wrong.
    """

    facts: Facts
    number: int
    pixels: NDArray[Any] | None


def pictures(
    files: Iterable[File], form: Form, *, pixels: bool = True, workers: int | None = None
) -> Iterator[Pictures]:
    """Decode files and bring them into a form.

    Parameters
    ----------
    files : iterable of File
        Read no further ahead than the workers can use.
    form : Form
    pixels : bool
        False: check the files and give the facts alone.
    workers : int, optional
        Processes; by default as many as there are cores to run on.

    Yields
    ------
    Pictures
        In the order of the files, about a megabyte at a time.

    Raises
    ------
    HourglassError
        A worker was killed.
    """
    left = iter(files)
    bytes_each = _BATCH_BYTES
    for file in _first(left):
        (found,) = _decoded([file], form, pixels)
        bytes_each = found.facts.nbytes
        yield found
    following = next(left, None)
    if following is not None:
        yield from _by_workers(chain([following], left), form, pixels, workers or _cores(), bytes_each)


def _first(files: Iterator[File]) -> Iterator[File]:
    """Give the files that this process decodes itself."""
    size = 0
    for _ in range(_FEW):
        file = next(files, None)
        if file is None:
            return
        yield file
        size += len(file.content)
        if size > _SMALL:
            return


def _by_workers(files: Iterator[File], form: Form, pixels: bool, count: int, bytes_each: int) -> Iterator[Pictures]:
    pending: deque[Future[list[Pictures]]] = deque()
    with ExitStack() as stack:
        turns = cycle([stack.enter_context(_Worker(form, pixels)) for _ in range(count)])
        while True:
            batch = min(_BATCH, max(1, _BATCH_BYTES // max(1, bytes_each)))
            while len(pending) < count * _AHEAD and (some := list(islice(files, batch))):
                pending.append(next(turns).submit(some))
            if not pending:
                return
            done = pending.popleft().result()
            bytes_each = max(found.facts.nbytes for found in done)
            yield from done


def _decoded(files: list[File], form: Form, with_pixels: bool) -> list[Pictures]:
    """Decode a batch; pictures that are alike come together."""
    done = [_one(file, form, with_pixels) for file in files]
    return [_together(facts, [pixels for _, pixels in alike]) for facts, alike in groupby(done, itemgetter(0))]


def _one(file: File, form: Form, with_pixels: bool) -> tuple[Facts, NDArray[Any] | None]:
    flaw: Literal["broken", "unfit"] = "broken"
    try:
        decoded = decode(file.content, file.name)
        flaw = "unfit"
        formed = form.apply(decoded, file.name)
    except InputError as problem:
        return Facts(flaw=flaw, sentence=str(problem)), None
    facts = Facts(formed.shape, formed.dtype.name, (decoded.shape[0], decoded.shape[1]))
    return facts, formed if with_pixels else None


def _together(facts: Facts, alike: list[NDArray[Any] | None]) -> Pictures:
    pixels = [picture for picture in alike if picture is not None]
    return Pictures(facts, len(alike), np.stack(pixels) if pixels else None)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Worker:
    """A process, and the thread that feeds it."""

    def __init__(self, form: Form, pixels: bool) -> None:
        source = Path(__file__).resolve().parents[2]
        path = os.pathsep.join(filter(None, [str(source), os.environ.get("PYTHONPATH")]))
        command = [sys.executable, "-m", __spec__.name, json.dumps({"form": form.config(), "pixels": pixels})]
        self._process = subprocess.Popen(  # noqa: S603
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"},
        )
        self._thread = ThreadPoolExecutor(1)

    def __enter__(self) -> "_Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()  # it holds nothing that could be lost
        self._process.wait()
        self._thread.shutdown(cancel_futures=True)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None  # noqa: S101
            with suppress(BrokenPipeError):  # what it hadn't read yet
                pipe.close()

    def submit(self, batch: list[File]) -> "Future[list[Pictures]]":
        return self._thread.submit(self._ask, batch)

    def _ask(self, batch: list[File]) -> list[Pictures]:
        assert self._process.stdin is not None  # noqa: S101
        assert self._process.stdout is not None  # noqa: S101
        try:
            _send(self._process.stdin, [[name, len(content)] for name, content in batch], [c for _, c in batch])
            return _received(self._process.stdout)
        except (BrokenPipeError, EOFError) as ended:
            raise HourglassError(
                f"the process that decodes images was killed at {batch[0].name} or one of the {len(batch) - 1} after "
                "it; was the machine out of memory? Free some and run this again."
            ) from ended


def _send(stream: IO[bytes], head: Any, content: Iterable[Any]) -> None:
    stream.write(json.dumps(head).encode() + b"\n")
    stream.writelines(content)
    stream.flush()


def _received(stream: IO[bytes]) -> list[Pictures]:
    line = stream.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    found = []
    for (shape, dtype, size, flaw, sentence), count, has_pixels in json.loads(line):
        facts = Facts(tuple(shape), dtype, tuple(size), flaw, sentence)
        content = stream.read(count * facts.nbytes * has_pixels)
        if len(content) < count * facts.nbytes * has_pixels:
            raise EOFError
        pixels = np.frombuffer(content, dtype).reshape(count, *facts.shape) if has_pixels else None
        found.append(Pictures(facts, count, pixels))
    return found


def _serve(asked: IO[bytes], answers: IO[bytes], form: Form, with_pixels: bool) -> None:
    """Answer batches until there are no more."""
    while line := asked.readline():
        files = [File(name, asked.read(size)) for name, size in json.loads(line)]
        done = _decoded(files, form, with_pixels)
        head = [(found.facts, found.number, found.pixels is not None) for found in done]
        _send(answers, head, [found.pixels.data for found in done if found.pixels is not None])


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started this decides
    options = json.loads(sys.argv[1])
    try:
        _serve(sys.stdin.buffer, sys.stdout.buffer, Form.from_config(options["form"]), options["pixels"])
    except BrokenPipeError:
        os._exit(1)  # nobody listens any more
