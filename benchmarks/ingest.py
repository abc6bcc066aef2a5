"""How long ingestion takes, against merely reading the same files.

Run it anywhere: ``python benchmarks/ingest.py [--rounds 5] [--rows 500000] [--images 60000] [--cores 1 2] [--out
FILE.json]``. It makes the files itself. Every side runs in a process of its own, round by round in turn; a side's time
leaves out its imports. polars is a side where it is installed.

Ours is all of ``ingest`` as the stage runs it for the first time: hash the raw files, parse, encode, hash rows, split,
measure, write and hash what is written; "one more shard" hashes the new one alone. The snapshot was made before. The
readers and we use all cores that there are, PIL one; with ``--cores`` every side has no more than so many (on Linux).
"""

import argparse
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

COLUMNS = 30
#: Seconds on the clock, and those of all processors, with those of child processes.
Took = tuple[float, float]
#: The others of each case, and what the time of ours may be, in times of the fastest of them.
CASES = {
    "csv": (("pandas", "polars", "pyarrow"), 2.0),
    "parquet": (("pandas", "polars", "pyarrow"), 2.5),
    "png": (("PIL",), 1 / 1.5),
    "one more shard": (("all shards anew",), 0.25),
}


def make(folder: Path, rows: int, images: int) -> None:
    """Write the files of all cases, and the snapshots that we ingest."""
    import numpy as np
    import pandas as pd
    from PIL import Image

    from hourglass.data import making, shards
    from hourglass.data.params import DataParams

    draw = np.random.default_rng(0)
    frame = pd.DataFrame(draw.normal(size=(rows, COLUMNS)), columns=[f"c{number}" for number in range(COLUMNS)])
    frame.to_csv(folder / "rows.csv", index=False)
    frame.to_parquet(folder / "rows.parquet", index=False)
    frame.sample(frac=0.01, random_state=0).mul(1.01).to_csv(folder / "more.csv", index=False)
    (folder / "png").mkdir()
    for number in range(images):
        pixels = np.clip(draw.normal(128, 40, (28, 28)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / "png" / f"{number:06d}.png")
    data = DataParams()
    for source, name in (("rows.csv", "csv"), ("rows.parquet", "parquet"), ("png", "png")):
        making.build(str(folder / source), folder / f"{name}-snapshot", data)
    shutil.copytree(folder / "csv-snapshot", folder / "grown-snapshot", copy_function=os.link)  # the same files
    from datetime import UTC, datetime

    shards.add(folder / "more.csv", folder / "grown-snapshot", data, datetime(2026, 1, 1, tzinfo=UTC))
    _ingest(folder, "csv-snapshot", folder / "parts")


def _ingest(folder: Path, name: str, cache: Path | None) -> Took:
    from hourglass.data import snapshot
    from hourglass.data.ingest import ingest
    from hourglass.data.params import DataParams, SplitParams

    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    return _timed(lambda: ingest(snapshot.opened(folder / name, DataParams()), out, DataParams(), SplitParams(), cache))


def _timed(work: Callable[[], object]) -> Took:
    before, started = os.times(), time.perf_counter()
    work()
    return time.perf_counter() - started, sum(os.times()[:4]) - sum(before[:4])


def ours(folder: Path, case: str) -> Took:
    """Ingest the snapshot of a case."""
    if case != "one more shard":
        return _anew(folder, f"{case}-snapshot")
    shutil.rmtree(folder / "kept", ignore_errors=True)
    shutil.copytree(folder / "parts", folder / "kept", copy_function=os.link)
    return _ingest(folder, "grown-snapshot", folder / "kept")


def _anew(folder: Path, name: str) -> Took:
    """Ingest as the stage does for the first time: nothing is kept yet, and what comes is."""
    shutil.rmtree(folder / "fresh", ignore_errors=True)
    return _ingest(folder, name, folder / "fresh")


def other(folder: Path, case: str, side: str) -> Took:
    """Read the files of a case, and do nothing with them."""
    if case == "one more shard":
        return _anew(folder, "grown-snapshot")
    read = _pil if case == "png" else _reader(case, side)
    return _timed(lambda: read(folder / ("png" if case == "png" else f"rows.{case}")))


def _reader(case: str, side: str) -> Callable[[Path], object]:
    if side == "pandas":
        import pandas as pd

        return pd.read_csv if case == "csv" else pd.read_parquet
    if side == "polars":
        import polars as pl

        return pl.read_csv if case == "csv" else pl.read_parquet
    import pyarrow.csv
    import pyarrow.parquet

    return pyarrow.csv.read_csv if case == "csv" else pyarrow.parquet.read_table


def _pil(folder: Path) -> None:
    import numpy as np
    from PIL import Image

    for path in sorted(folder.iterdir()):
        with Image.open(path) as image:
            np.asarray(image)


def measure(folder: Path, case: str, side: str, cores: int) -> Took:
    """Time one side in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--folder", str(folder), "--case", case, "--side", side, "--cores", str(cores)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"{case}, {side}:\n{done.stderr}")
    wall, cpu = map(float, done.stdout.splitlines()[-1].split())
    return wall, cpu


def compare(folder: Path, case: str, rounds: int, cores: int) -> dict[str, object]:
    """Time all sides of a case in turn, on so many cores."""
    others, limit = CASES[case]
    others = tuple(side for side in others if side != "polars" or importlib.util.find_spec("polars"))
    taken: dict[str, list[Took]] = {side: [] for side in ("ours", *others)}
    for number in range(rounds + 1):
        for side, took in taken.items():
            now = measure(folder, case, side, cores)
            if number:  # the first round fills the caches of the system
                took.append(now)
    seconds, cpu = ({side: [each[which] for each in took] for side, took in taken.items()} for which in (0, 1))
    fastest = min(others, key=lambda side: median(seconds[side]))
    ratios = [mine / theirs for mine, theirs in zip(seconds["ours"], seconds[fastest], strict=True)]
    print(f"{case} on {cores} core(s)")
    for side, found in seconds.items():
        print(
            f"{side:>18} {median(found):7.2f} s  ({min(found):.2f} to {max(found):.2f}), CPU {median(cpu[side]):.2f} s",
            flush=True,
        )
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    print(f"{'':>18} ours is {median(ratios):.2f} of {fastest} ({spread}), asked {limit:.2f}")
    return {
        "seconds": seconds,
        "cpu_seconds": cpu,
        "fastest": fastest,
        "ratio": median(ratios),
        "ratios": ratios,
        "asked": limit,
    }


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _keep_to(cores: int) -> None:
    """Use no more cores than so many; what counts cores when it is imported, as polars does, comes later."""
    if cores > _cores() or (cores < _cores() and not hasattr(os, "sched_setaffinity")):
        sys.exit(f"this system can't keep to {cores} of {_cores()} cores.")
    if cores < _cores():
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])


def main() -> None:
    """Measure all cases, or one side of one as a child."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--images", type=int, default=60_000)
    parser.add_argument("--cores", nargs="*", type=int, default=[_cores()], help="measure all on so many, one by one")
    parser.add_argument("--cases", nargs="*", default=list(CASES), choices=list(CASES))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--case", help=argparse.SUPPRESS)
    parser.add_argument("--side", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.side:
        _keep_to(asked.cores[0])
        print(
            *(ours(asked.folder, asked.case) if asked.side == "ours" else other(asked.folder, asked.case, asked.side))
        )
        return
    with tempfile.TemporaryDirectory() as place:
        folder = asked.folder or Path(place)
        if not (folder / "parts").exists():
            make(folder, asked.rows, asked.images)
        found = {
            cores: {case: compare(folder, case, asked.rounds, cores) for case in asked.cases} for cores in asked.cores
        }
    if asked.out:
        about = {
            "machine": platform.processor() or platform.machine(),
            "cores": _cores(),
            "python": platform.python_version(),
        }
        about |= {"rows": asked.rows, "columns": COLUMNS, "images": asked.images, "command": " ".join(sys.argv)}
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        asked.out.write_text(json.dumps({"about": about, "cases_by_cores": found}, indent=2) + "\n")


if __name__ == "__main__":
    main()
