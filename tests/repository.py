"""Git as tests use it."""

import subprocess
from pathlib import Path


def git(folder: Path, *arguments: str) -> str:
    """Run a command as somebody, and give what it printed."""
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    command = ["git", *identity, *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()
