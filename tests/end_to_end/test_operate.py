"""The first part of docs/operate.md, followed as it is written."""

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.projects import ROOT, Checkout

pytestmark = [pytest.mark.slow, pytest.mark.services]

PATIENCE = 600


@dataclass
class Shell:
    """A shell that an operator types into, and what it said so far."""

    process: subprocess.Popen
    log: Path

    def types(self, commands: str) -> str:
        """Run commands; give what they printed."""
        before = self.log.stat().st_size
        self.process.stdin.write(f"{commands}\nprintf '\\ntyped %s\\n' $?\n")
        self.process.stdin.flush()
        end = time.monotonic() + PATIENCE
        while not re.search(r"^typed \d+$", said := self._said(before), re.MULTILINE):
            assert self.process.poll() is None, said
            assert time.monotonic() < end, said
            time.sleep(0.2)
        return said

    def _said(self, since: int) -> str:
        return self.log.read_bytes()[since:].decode(errors="replace")  # the last letter may be half written


@pytest.fixture
def shell(clone, tmp_path) -> Iterator[Shell]:
    log = tmp_path / "log"
    kept = clone.env | {"GIT_CONFIG_GLOBAL": str(tmp_path / "gitconfig")}
    (tmp_path / "gitconfig").write_text("[user]\nname = t\nemail = t@example.org\n")
    with log.open("w") as out:
        process = subprocess.Popen(
            ["bash", "-e"], cwd=tmp_path, env=kept, stdin=subprocess.PIPE, stdout=out, stderr=out, text=True,
            start_new_session=True,
        )  # fmt: skip
    yield Shell(process, log)
    os.killpg(process.pid, signal.SIGTERM)
    time.sleep(5)
    os.killpg(process.pid, signal.SIGKILL)


def blocks(clone: Checkout) -> list[str]:
    """Give what the page has people type, with free ports, and without the installation that the tests run in."""
    part = re.search(r"^## 1\. .*?(?=^## 2\. )", (ROOT / "docs" / "operate.md").read_text(), re.MULTILINE | re.DOTALL)[
        0
    ]
    for port in ("5000", "4200"):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            part = part.replace(port, str(probe.getsockname()[1]))
    part = part.replace("git clone REPOSITORY", f"git clone '{clone.root}'")
    part = part.replace("make run\n. .venv/bin/activate\n", "hourglass run\n")
    return re.findall(r"```sh\n(.*?)```", part, re.DOTALL)


def test_the_page_leads_from_nothing_to_a_deployment_that_retrains_by_itself(clone, shell):
    install, servers, answer, fill, deploy, by_hand, new_data, *checks = blocks(clone)
    assert "Champion: models:/hourglass/1" in shell.types(install)
    shell.types(servers)
    shell.types(answer)
    filled = shell.types(fill)
    assert "0 stages ran." in filled
    assert "Champion: models:/hourglass/1" in filled
    assert "scheduled-retrain/hourglass" in shell.types(deploy)
    assert "Completed" in shell.types(by_hand)
    assert "on hourglass/data" in shell.types(new_data)
    shell.types("while ! git tag --list 'retrain/*' | grep retrain; do sleep 1; done")
    said = "".join(map(shell.types, checks))
    assert re.search(r"^│ 2 +│ champion ", said, re.MULTILINE)
