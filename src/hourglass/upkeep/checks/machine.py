"""The machine: installed versions, GPU, disk."""

import re
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version

from hourglass.project import Project
from hourglass.upkeep.finding import Finding, ok

#: What a later minor release of these breaks without a word.
_BREAKS = {
    "sqlalchemy": "Prefect's schedules then never fire",
    "fastapi": "Prefect's server then can't start",
}
_SCARCE, _FULL = 5e9, 5e8
_GPU_SECONDS = 60


def versions(project: Project) -> Finding:
    """Compare the installed packages with requirements.lock."""
    name, lock = "versions", project.root / "requirements.lock"
    if not lock.is_file():
        return Finding(name, "warn", "requirements.lock is missing", "restore it with `git checkout requirements.lock`")
    other = {}
    for line in lock.read_text(encoding="utf-8").splitlines():
        package, _, locked = line.partition("==")
        installed = _installed(package.strip())
        if locked and installed not in {None, locked.strip()}:
            other[package.strip()] = (str(installed), locked.strip())
    fix = f"run `{sys.executable} -m pip install -c requirements.lock -e .`"
    broken = [package for package in _BREAKS if package in other and _later_minor(*other[package])]
    if broken:
        found, locked = other[broken[0]]
        return Finding(name, "bad", f"{broken[0]} is {found}, not {locked}: {_BREAKS[broken[0]]}", fix)
    if other:
        listed = ", ".join(f"{package} {found} (not {locked})" for package, (found, locked) in list(other.items())[:3])
        return Finding(name, "warn", f"{len(other)} packages are not those of requirements.lock: {listed}", fix)
    return ok(name, "all packages are those of requirements.lock")


def _installed(package: str) -> str | None:
    try:
        return version(package).partition("+")[0]
    except (PackageNotFoundError, ValueError):
        return None


def _later_minor(installed: str, locked: str) -> bool:
    first, second = ([int(part) for part in re.findall(r"\d+", text)[:2]] for text in (installed, locked))
    return first > second


def gpu(project: Project) -> Finding:
    """Find out whether torch can use the GPU that is there."""
    name = "GPU"
    if shutil.which("nvidia-smi") is None:
        return ok(name, "there is none, or no driver of NVIDIA's; training uses the CPU")
    query = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    found = subprocess.run(query, capture_output=True, text=True, check=False, timeout=_GPU_SECONDS)  # noqa: S603
    if found.returncode != 0:
        said = " ".join((found.stdout + found.stderr).split())
        return Finding(name, "bad", f"nvidia-smi fails: {said}", "install the driver again, or restart the machine")
    described = found.stdout.strip().splitlines()[0]
    if version("torch").endswith("+cpu"):
        fix = "install a CUDA build of the same torch version (https://pytorch.org/get-started/locally)"
        return Finding(name, "warn", f"{described} is there, but torch is a build for the CPU alone", fix)
    code = "import torch; print(torch.version.cuda, torch.cuda.is_available())"
    asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)  # noqa: S603
    cuda, _, available = asked.stdout.strip().partition(" ")
    if available != "True":
        fix = "update NVIDIA's driver, or install a torch build for an older CUDA"
        return Finding(name, "bad", f"{described} is there, but torch (CUDA {cuda}) can't use it: driver too old?", fix)
    return ok(name, f"{described}, torch with CUDA {cuda}")


def disk(project: Project) -> Finding:
    """Look for room on the project's disk."""
    name, free = "disk", shutil.disk_usage(project.home).free
    said = f"{free / 1e9:.1f} GB are free at {project.home}"
    fix = "make room: `dvc gc --workspace` drops what no present result needs from DVC's cache"
    if free < _FULL:
        return Finding(name, "bad", said, fix)
    return Finding(name, "warn", said, fix) if free < _SCARCE else ok(name, said)
