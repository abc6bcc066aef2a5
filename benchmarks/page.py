"""Make docs/benchmarks.md, and its pictures, from benchmarks/results: ``python benchmarks/page.py``.

A number is in the page only where a file of results has it. What limits a number that isn't reached is told in
benchmarks/limits.md, which the page ends with.
"""

import json
from pathlib import Path

from page_quality import (
    anomaly,
    anomaly_contaminated,
    anomaly_digits,
    bounds,
    codes,
    rate_distortion,
    restoration,
    series,
    sprites,
)
from page_speed import ensemble, gpu, growth, ingest, scoring, serving, training

HERE = Path(__file__).parent
RESULTS = HERE / "results"
DOCS = HERE.parent / "docs"

SECTIONS = {
    "anomaly": anomaly,
    "anomaly_contaminated": anomaly_contaminated,
    "anomaly_digits": anomaly_digits,
    "training": training,
    "gpu": gpu,
    "ensemble": ensemble,
    "scoring": scoring,
    "serving": serving,
    "growth": growth,
    "ingest": ingest,
    "series": series,
    "restoration": restoration,
    "bounds": bounds,
    "rate_distortion": rate_distortion,
    "codes": codes,
    "sprites": sprites,
}


def main() -> None:
    """Write the page."""
    lines = [
        "# Benchmarks",
        "",
        "Made by `python benchmarks/page.py` from the files in benchmarks/results. `make bench` measures anew what",
        "needs neither a GPU nor 60,000 digits; for the others the command stands beside. Both sides of every ratio of",
        "speed ran in turn in the same run, each in a process of its own.",
    ]
    for name, section in SECTIONS.items():
        path = RESULTS / f"{name}.json"
        if path.exists():
            lines += ["", *section(json.loads(path.read_text()))]
    lines += ["", (HERE / "limits.md").read_text().rstrip()]
    (DOCS / "benchmarks.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
