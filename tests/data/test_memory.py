"""Ingestion holds no more than ``data.memory``, however large the data is."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

MEMORY = 256 * 2**20
#: Ingests a snapshot and prints by how much its memory grew beyond what it had after its imports.
CHILD = """
import json, resource, sys
from pathlib import Path
import pyarrow.csv, pyarrow.parquet
from hourglass.data import making, snapshot
from hourglass.data.ingest import ingest
from hourglass.data.sources import reader
from hourglass.data.params import DataParams, SplitParams

def kib(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1])

folder, data = Path(sys.argv[1]), DataParams(memory=int(sys.argv[2]))
for name in ("table", "array"):
    reader(name)
if sys.argv[3] == "data":
    before = kib("VmRSS")
    making.build(sys.argv[4], folder / "data", data)
else:
    (folder / "out").mkdir()
    opened = snapshot.opened(folder / "data", data)
    before = kib("VmRSS")
    ingest(opened, folder / "out", data, SplitParams())
print(json.dumps((kib("VmHWM") - before) * 1024))
"""


def grown(folder: Path, step: str, source: Path) -> int:
    command = [sys.executable, "-c", CHILD, str(folder), str(MEMORY), step, str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(json.loads(done.stdout.splitlines()[-1]))


def written(folder: Path, suffix: str) -> Path:
    """Write numbers of 480 MB as they are held."""
    draw = np.random.default_rng(0)
    path = folder / f"rows.{suffix}"
    if suffix == "npy":
        rows = np.lib.format.open_memmap(path, "w+", np.float64, (1_500_000, 40))
        for start in range(0, len(rows), 10_000):
            rows[start : start + 10_000] = draw.normal(size=(10_000, 40))
        return path
    names = [f"c{number}" for number in range(40)]
    parts = (pa.table(list(draw.normal(size=(40, 50_000)).round(3)), names) for _ in range(30))
    schema = pa.schema([(name, pa.float64()) for name in names])
    csv, parquet = pyarrow.csv.CSVWriter, pyarrow.parquet.ParquetWriter
    with (csv if suffix == "csv" else parquet)(path, schema) as writer:
        for part in parts:
            writer.write_table(part)
    return path


@pytest.mark.skipif(sys.platform != "linux", reason="reads peak memory from /proc")
@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("suffix", ["npy", "csv", "parquet"])
def test_memory_stays_within_its_bound(tmp_path: Path, suffix: str) -> None:
    source = written(tmp_path, suffix)
    for step in ("data", "ingest"):
        assert grown(tmp_path, step, source) <= MEMORY, step
