"""The others' sides of `training.py`: each library's own trainer, as its documentation has it, on the same net.

Run by ``training.py --peers PYTHON`` with the Python of an environment that has pythae 0.1.2, pyod and lightning.
"""

import json
import sys
import warnings
from collections.abc import Callable
from importlib import import_module

import torch

from plain_side import resident, tutorial
from workloads import WORKLOADS, Found, on_one_core

#: What needs torch alone; the other sides are modules of their own, for each needs a library.
PLAIN: dict[str, Callable[[str], Found]] = {"tutorial": tutorial, "resident": resident}


def trainer_of(side: str) -> Callable[[str], Found]:
    """Give what trains a workload by its name."""
    if side in PLAIN:
        return PLAIN[side]
    _define_torchvision()
    train: Callable[[str], Found] = import_module(f"{side}_side").train
    return train


def _define_torchvision() -> None:
    """Let `import torchvision` pass where its operations are of another build than torch."""
    try:
        import torchvision  # noqa: F401
    except ImportError:
        return
    except RuntimeError:
        for operation in ("nms", "qnms"):
            torch.library.define(
                f"torchvision::{operation}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
            )


def main() -> None:
    """Train each workload by one side, and print what came of it, a line of JSON each."""
    warnings.filterwarnings("ignore")
    side, *names = sys.argv[1:]
    if all(WORKLOADS[name].device == "cpu" for name in names):
        on_one_core()
    train = trainer_of(side)
    for name in names:
        torch.manual_seed(0)
        seconds, quality = train(name)
        print(json.dumps({"work": name, "seconds": seconds, "held_out": quality}), flush=True)


if __name__ == "__main__":
    main()
