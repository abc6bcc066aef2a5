"""How well anomalies are found, beside PyOD's detectors and a memory without a net.

``python benchmarks/anomaly.py FOLDER [--peers PYTHON] [--out FILE.json]``. FOLDER holds ``.npz`` files with X and y (0
is normal). PyOD lives in an environment of its own: ``python -m venv peers; peers/bin/pip install torch==2.13.0
pyod==3.6.7 scikit-learn``. Without ``--peers`` ours stands beside the memory alone.

Of each table a random half of the normal rows trains, the rest and all anomalies are judged, under three seeds;
``--contaminated``: a stratified 70 % of all rows trains. ``--digits FILE.npz`` (x, y) takes one digit as normal and
judges the nine others. *ours* is `hourglass.Autoencoder` with its defaults. *memory without net* is its score on rows
alone: what a net adds is the difference. Nothing is tuned, and no label is seen but by the measures.

Each result is appended to ``FILE.runs.jsonl`` at once; the same command goes on where it was stopped. Beside FILE.json
lies a picture, FILE.svg.
"""

import argparse
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from detection_result import AROUND, draw, summarise
from labelled import Array, Detector, Task, tasks
from workloads import on_one_core

OURS, ABLATION = "ours", "memory without net"
PEERS = ("PyOD AutoEncoder", "PyOD VAE", "PCA", "KNN", "LOF", "IForest", "OCSVM")


def ours(*, contaminated: bool) -> Detector:
    """Fit the estimator with its defaults."""
    import hourglass

    def judge(train: Array, judged: Array, seed: int) -> Array:
        model = hourglass.Autoencoder(random_state=seed, device="cpu", contaminated=contaminated).fit(train)
        return model.anomaly_score(judged)

    return judge


def memory_without_net(*, contaminated: bool) -> Detector:
    """Measure the distance of rows alone by our score: codes and residuals hold nothing."""
    import torch

    from hourglass import scores
    from hourglass.scores.shared.seen import Seen
    from labelled import standardised

    def seen(rows: Array) -> Seen:
        x = torch.from_numpy(rows)
        return Seen(x, x[:, :0], torch.zeros_like(x))

    def judge(train: Array, judged: Array, _: int) -> Array:
        rows, others = standardised(train, judged)
        image = (1, *train.shape[1:]) if train.ndim == 3 else ()
        score = scores.get("memory")(image).fit(seen(rows), robust=contaminated)
        parts = torch.split(torch.from_numpy(others), 4096)
        return np.concatenate([score(seen(part.numpy())).numpy() for part in parts])

    return judge


class Runs:
    """The results so far, a line each in a file that only grows."""

    def __init__(self, path: Path, about: dict[str, Any]) -> None:
        self.path, self.about = path, about
        self.found: dict[tuple[str, int, str], dict[str, Any]] = {}
        lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []  # a torn last line is done again
        for line in lines:
            run = json.loads(line)
            if all(run.get(key) == value for key, value in about.items()):
                self.found[run["task"], run["seed"], run["detector"]] = run
        if path.exists():
            path.write_bytes(b"".join(line + b"\n" for line in lines))

    def add(self, run: dict[str, Any]) -> None:
        """Write a result in one go."""
        self.found[run["task"], run["seed"], run["detector"]] = run
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(descriptor, json.dumps(run | self.about).encode() + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def units(names: list[str], seeds: int, detectors: tuple[str, ...], runs: Runs) -> list[dict[str, Any]]:
    """List what there is to measure yet."""
    every = ((task, seed, detector) for task in names for seed in range(seeds) for detector in detectors)
    return [
        {"task": task, "seed": seed, "detector": detector, "contaminated": runs.about["contaminated"]}
        for task, seed, detector in every
        if (task, seed, detector) not in runs.found
    ]


def measured_here(of: dict[str, Task], wanted: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Measure ours and the memory in this process."""
    for unit in wanted:
        make = ours if unit["detector"] == OURS else memory_without_net
        told = {"contaminated": unit["contaminated"]}
        yield unit | of[unit["task"]].measure(make(**told), unit["seed"], **told)


def measured_there(python: str, asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Measure the peers in one process of their environment."""
    command = [python, str(Path(__file__).with_name("detectors.py"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None  # noqa: S101
        assert child.stdout is not None  # noqa: S101
        child.stdin.write(json.dumps(asked))
        child.stdin.close()
        for line in child.stdout:
            yield json.loads(line)
    if child.returncode != 0:
        sys.exit(f"{python} measured the peers with return code {child.returncode}; its words are above.")


def main() -> None:
    """Measure what isn't measured yet, and sum up."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, metavar="FOLDER", nargs="?", help="holds .npz files with X and y")
    parser.add_argument("--digits", type=Path, metavar="FILE", help="an .npz with images x and digits y, instead")
    parser.add_argument("--contaminated", action="store_true")
    parser.add_argument("--peers", metavar="PYTHON", help="Python of an environment with PyOD")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=20_000, help="of a table, at most; larger ones are sampled")
    parser.add_argument("--out", type=Path, default=Path("anomaly.json"))
    asked = parser.parse_args()
    source = asked.digits or asked.source
    if source is None or not source.exists():
        parser.error(f"{source} isn't there; give a folder of .npz files with X and y, or --digits FILE.npz")
    os.environ["OMP_NUM_THREADS"] = "1"
    on_one_core()
    warnings.filterwarnings("ignore")
    of = {task.name: task for task in tasks(source, asked.rows, digits=asked.digits is not None)}
    if not of:
        parser.error(f"{source} holds no .npz file")
    setting = {"contaminated": asked.contaminated, "rows": asked.rows, "digits": asked.digits is not None}
    runs = Runs(asked.out.with_suffix(".runs.jsonl"), setting)
    mine = units(list(of), asked.seeds, (OURS, ABLATION), runs)
    theirs = units(list(of), asked.seeds, PEERS, runs) if asked.peers else []
    question = {"source": str(source), "rows": asked.rows, "digits": setting["digits"], "units": theirs}
    count, total = 0, len(mine) + len(theirs)
    for found in (measured_here(of, mine), measured_there(asked.peers, question) if theirs else ()):
        for run in found:
            runs.add(run)
            count += 1
            said = run.get("failed") or f"AUROC {run['auroc']:.3f}, AP {run['ap']:.3f}, {run['seconds']:.1f} s"
            print(f"{count}/{total} {run['task']}, seed {run['seed']}, {run['detector']}: {said}", flush=True)
    from training import about

    wanted = [run for (task, seed, _), run in runs.found.items() if task in of and seed < asked.seeds]
    result = {"about": about(), "setting": setting | {"seeds": asked.seeds}} | summarise(wanted, OURS)
    _say(result)
    asked.out.write_text(json.dumps(result, indent=2) + "\n")
    draw(result, asked.out.with_suffix(".svg"))


def _say(result: dict[str, Any]) -> None:
    print(f"\n{'':>20} {'AUROC':>6} {'AP':>6}  {AROUND}")
    for name, of in result["detectors"].items():
        beside = of.get("ours_less")
        said = (
            ""
            if beside is None
            else (
                f"  {beside['auroc'][0]:+.3f} ({beside['auroc'][1]:+.3f} to {beside['auroc'][2]:+.3f}), "
                f"ahead on {beside['ahead']} of {beside['tasks']}"
            )
        )
        print(f"{name:>20} {of['auroc']:6.3f} {of['ap']:6.3f}{said}")


if __name__ == "__main__":
    main()
