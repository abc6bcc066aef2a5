"""Run the whole matrix and write docs/reliability.md: ``python -m tests.faults``, with pytest's options after it."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
MATRIX = ["tests/faults", "--faults=all", "--reliability=docs/reliability.md", "-n", "3", "--dist", "worksteal"]

sys.exit(subprocess.run([sys.executable, "-m", "pytest", *MATRIX, *sys.argv[1:]], cwd=ROOT, check=False).returncode)
