"""The others' side of `anomaly.py`: PyOD's detectors with their defaults, on standardised rows.

Run by ``anomaly.py --peers PYTHON`` with the Python of an environment that has pyod, torch and scikit-learn. It reads
what to measure as JSON from its standard input and answers with a line for each.
"""

import json
import sys
import warnings
from pathlib import Path
from typing import Any

from labelled import Array, Detector, Task, standardised, tasks

#: What divides by the deviation of each column, and fails where it is 0 among the training rows.
DIVIDING = {"PyOD AutoEncoder", "PyOD VAE", "PCA"}


def _fitted(make: Any, *, divides: bool) -> Detector:
    """Make a detector of a class of PyOD; those that draw are given the seed, and those that divide no constants."""

    def judge(train: Array, judged: Array, seed: int) -> Array:
        rows, others = standardised(train, judged)
        if divides:
            varying = rows.std(0) > 1e-9
            rows, others = rows[:, varying], others[:, varying]
        model = make(seed)
        model.fit(rows)
        return model.decision_function(others)  # type: ignore[no-any-return]

    return judge


def detectors() -> dict[str, Detector]:
    """Name the detectors."""
    import torch
    from pyod.models.auto_encoder import AutoEncoder
    from pyod.models.iforest import IForest
    from pyod.models.knn import KNN
    from pyod.models.lof import LOF
    from pyod.models.ocsvm import OCSVM
    from pyod.models.pca import PCA
    from pyod.models.vae import VAE

    torch.set_num_threads(1)
    cpu = {"verbose": 0, "device": torch.device("cpu")}
    made = {
        "PyOD AutoEncoder": lambda seed: AutoEncoder(random_state=seed, **cpu),
        "PyOD VAE": lambda seed: VAE(random_state=seed, **cpu),
        "PCA": lambda seed: PCA(random_state=seed),
        "KNN": lambda _: KNN(),
        "LOF": lambda _: LOF(),
        "IForest": lambda seed: IForest(random_state=seed),
        "OCSVM": lambda _: OCSVM(),
    }
    return {name: _fitted(make, divides=name in DIVIDING) for name, make in made.items()}


def main() -> None:
    """Answer what is asked, one line each."""
    warnings.filterwarnings("ignore")
    asked = json.load(sys.stdin)
    named, known = detectors(), {}
    for task in tasks(Path(asked["source"]), asked["rows"], digits=asked["digits"]):
        known[task.name] = task
    answers = sys.stdout
    sys.stdout = sys.stderr  # what libraries print is no answer
    for unit in asked["units"]:
        print(
            json.dumps(unit | _measured(known[unit["task"]], named[unit["detector"]], unit)), file=answers, flush=True
        )


def _measured(task: Task, detector: Detector, unit: dict[str, Any]) -> dict[str, Any]:
    try:
        return dict(task.measure(detector, unit["seed"], contaminated=unit["contaminated"]))
    except Exception as failed:
        return {"failed": f"{type(failed).__name__}: {failed}"[:200]}


if __name__ == "__main__":
    main()
