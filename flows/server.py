"""Prefect's server: the one that is set, or a temporary one that ends with this process.

Prefect has a temporary server of its own. It outlives a killed run, and to import it takes longer than a run that has
nothing to do.
"""

import atexit
import os
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from subprocess import Popen, TimeoutExpired
from typing import Any

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
        with urllib.request.urlopen(f"{api}/health", timeout=5):  # noqa: S310
            return
    except urllib.error.HTTPError:
        return
    except (OSError, ValueError) as problem:
        raise HourglassError(
            f"Prefect's API at {api} can't be reached ({getattr(problem, 'reason', problem)}); start it with `prefect "
            "server start`, unset PREFECT_API_URL to run without a server, or run the stages alone with `dvc repro`."
        ) from problem


def _start(meanwhile: Callable[[], object]) -> str:
    """Start a server and wait until it answers; give its URL."""
    patience = get_current_settings().server.ephemeral.startup_timeout_seconds
    end = time.monotonic() + patience
    get_logger().info("PREFECT_API_URL is not set: starting a temporary server")
    server, api = _launch()
    meanwhile()
    while not _answers(api):
        if server.poll() is not None and time.monotonic() < end:  # another process took the port first
            server, api = _launch()
        if time.monotonic() > end:
            raise HourglassError(
                f"Prefect's temporary server didn't answer within {patience} s; give it longer with "
                "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS, or start one with `prefect server start`."
            )
        time.sleep(_PAUSE_SECONDS)
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


def _answers(api: str) -> bool:
    try:
        with urllib.request.urlopen(f"{api}/health", timeout=5):  # noqa: S310
            return True
    except OSError:
        return False


def _stop(server: "Popen[Any]") -> None:
    server.terminate()
    try:
        server.wait(_STOP_SECONDS)
    except TimeoutExpired:
        server.kill()
        server.wait()
