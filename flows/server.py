"""Prefect's server: the one that is set, or a temporary one that ends with this process.

Prefect has a temporary server of its own. It outlives a killed run, and to import it takes longer than all that a run
with nothing to do does besides.
"""

import atexit
import os
import socket
import time
from collections.abc import Callable
from http import HTTPStatus
from http.client import HTTPException
from subprocess import Popen, TimeoutExpired
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from prefect.context import refresh_global_settings_context
from prefect.logging import get_logger
from prefect.settings import get_current_settings

from hourglass.errors import HourglassError
from hourglass.process import child_command

_PAUSE_SECONDS = 0.1
_STOP_SECONDS = 5.0


def require(meanwhile: Callable[[], object]) -> None:
    """Start a temporary server where none is set; refuse to go on where the one that is set is down.

    Parameters
    ----------
    meanwhile : callable
        Called while a temporary server starts, which takes seconds.

    Raises
    ------
    HourglassError
        There is no server.
    """
    api = get_current_settings().api.url
    if api:
        _require_answer(api)
    else:
        os.environ |= {"PREFECT_API_URL": _start(meanwhile), "PREFECT_UI_URL": ""}
        refresh_global_settings_context()


def _require_answer(api: str) -> None:
    try:
        _ask(api)
    except (OSError, ValueError, HTTPException) as problem:
        raise HourglassError(
            f"Prefect's API at {api} can't be reached ({getattr(problem, 'reason', problem)}); start it with `prefect "
            "server start`, unset PREFECT_API_URL to run without a server, or run the stages alone with `dvc repro`."
        ) from problem


def _start(meanwhile: Callable[[], object]) -> str:
    """Start a server and wait until it answers; give its URL."""
    get_logger().info("PREFECT_API_URL is not set: starting a temporary server")
    patience = get_current_settings().server.ephemeral.startup_timeout_seconds
    end = time.monotonic() + patience
    server, api = _launch()
    meanwhile()
    if _ended(server, api, end):  # perhaps another process took its port first
        server, api = _launch()
        if _ended(server, api, end):
            raise HourglassError(
                f"Prefect's temporary server ended with status {server.returncode}; what it said is above. `hourglass "
                "doctor` looks for wrong versions."
            )
    if not _answers(api):
        raise HourglassError(
            f"Prefect's temporary server didn't answer within {patience} s; give it longer with "
            "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS, or start one with `prefect server start`."
        )
    return api


def _launch() -> "tuple[Popen[Any], str]":
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    app = ("--factory", "prefect.server.api.server:create_app", "--host", "127.0.0.1", "--port", port)
    own = {"PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"}
    command = child_command("uvicorn", *app, "--log-level", "error", "--lifespan", "on")
    server = Popen(command, env=os.environ | own)  # noqa: S603
    atexit.register(_stop, server)
    return server, f"http://127.0.0.1:{port}/api"


def _ended(server: "Popen[Any]", api: str, end: float) -> bool:
    """Wait until the server answers, ends or is given up; tell whether it ended."""
    while time.monotonic() < end and server.poll() is None and not _answers(api):
        time.sleep(_PAUSE_SECONDS)
    return server.poll() is not None


def _answers(api: str) -> bool:
    try:
        _ask(api)
    except (OSError, HTTPException):
        return False
    return True


def _ask(api: str) -> None:
    """Ask for a sign of life; an answer that refuses is one too, but for that of a server that knows no such page."""
    try:
        with urlopen(f"{api}/health", timeout=5):  # noqa: S310
            pass
    except HTTPError as answer:
        if answer.code == HTTPStatus.NOT_FOUND:
            raise


def _stop(server: "Popen[Any]") -> None:
    server.terminate()
    try:
        server.wait(_STOP_SECONDS)
    except TimeoutExpired:
        server.kill()
        server.wait()
