"""A headless Chromium that a test drives over pipes, by the DevTools protocol."""

import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
#: Seconds that an answer, or something that is waited for, may take.
_PATIENCE = 60.0
#: Chromium reads its descriptor 3 and writes to 4.
_LAUNCH = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execv(sys.argv[3], sys.argv[3:])"
)
_ABOVE = 10


class Page:
    """One page of the browser.

    Parameters
    ----------
    to_browser, from_browser : int
        Descriptors of the pipes.

    Attributes
    ----------
    problems : list of str
        What the console was told as a warning or an error, and what was thrown.
    requests : list of str
        Addresses that were asked for.
    """

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self._to, self._from = to_browser, from_browser
        self._buffer, self._number, self._session = b"", 0, ""
        self.problems: list[str] = []
        self.requests: list[str] = []

    def open(self, address: str, width: int = 1440, height: int = 900) -> None:
        """Open a page in a window of its own and wait until it is loaded."""
        if not self._session:
            target = self._send("Target.createTarget", url="about:blank")["targetId"]
            self._session = self._send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            for domain in ("Page", "Runtime", "Log", "Network"):
                self._send(f"{domain}.enable")
        self.resize(width, height)
        self._send("Page.navigate", url=address)
        self.wait("document.readyState === 'complete'")

    def run_first(self, script: str) -> None:
        """Have every page that is opened from now on run a script before its own."""
        self._send("Page.addScriptToEvaluateOnNewDocument", source=script)

    def resize(self, width: int, height: int = 900) -> None:
        """Change the size of the window."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._send("Emulation.setDeviceMetricsOverride", **size)

    def prefer(self, scheme: str) -> None:
        """Have pages be shown in the ``light`` or the ``dark`` scheme."""
        self._send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def print_media(self) -> None:
        """Show pages as they are printed, until `prefer` is called."""
        self._send("Emulation.setEmulatedMedia", media="print")

    def evaluate(self, expression: str) -> Any:
        """Give what an expression, or the promise that it is, comes to."""
        found = self._send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait(self, condition: str) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + _PATIENCE
        while not self.evaluate(condition):
            assert time.monotonic() < end, f"never true: {condition}; {self.problems}"
            time.sleep(0.02)

    def mouse(self, kind: str, x: float, y: float, buttons: int = 0) -> None:
        """Move, press or release the mouse at a place of the window: kind is Moved, Pressed or Released."""
        button = "none" if kind == "Moved" and not buttons else "left"
        event = {"type": f"mouse{kind}", "x": x, "y": y, "button": button, "buttons": buttons, "clickCount": 1}
        self._send("Input.dispatchMouseEvent", **event)

    def key(self, name: str) -> None:
        """Press a key that has a name, as ArrowRight has."""
        for kind in ("keyDown", "keyUp"):
            self._send("Input.dispatchKeyEvent", type=kind, key=name, code=name)

    def _send(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            said = self._receive()
            if said.get("id") == self._number:
                assert "error" not in said, said["error"]
                return said["result"]
            self._note(said)

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            assert select.select([self._from], [], [], _PATIENCE)[0], "the browser is silent"
            part = os.read(self._from, 1 << 20)
            assert part, "the browser is gone"
            self._buffer += part
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)

    def _note(self, said: dict[str, Any]) -> None:
        method, params = said.get("method"), said.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.problems.append(json.dumps(params["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and params["type"] in {"warning", "error", "assert"}:
            self.problems.append(" ".join(str(one.get("value", one)) for one in params["args"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] in {"warning", "error"}:
            self.problems.append(params["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])


@contextmanager
def chromium(profile: Path, *options: str) -> Iterator[Page]:
    """Start a browser with a new profile and end it."""
    assert PROGRAM is not None
    theirs_in, to_browser = os.pipe()
    from_browser, theirs_out = os.pipe()
    given = [fcntl.fcntl(one, fcntl.F_DUPFD, _ABOVE) for one in (theirs_in, theirs_out)]
    os.close(theirs_in)
    os.close(theirs_out)
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", f"--user-data-dir={profile}"]
    command = [sys.executable, "-c", _LAUNCH, *map(str, given), PROGRAM, *flags, *options]
    process = subprocess.Popen(command, pass_fds=given, stderr=subprocess.DEVNULL)
    for one in given:
        os.close(one)
    try:
        yield Page(to_browser, from_browser)
    finally:
        process.terminate()
        process.wait(timeout=20)
        os.close(to_browser)
        os.close(from_browser)
