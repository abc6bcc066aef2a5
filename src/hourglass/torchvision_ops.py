"""Torchvision, also beside a build of torch that its compiled operators don't fit.

A package index may serve torch for CPUs and torchvision for CUDA. The operators of the one then can't be loaded into
the other, and ``import torchvision`` ends with ``operator torchvision::nms does not exist``, although data sets,
transforms and models of plain Python need none of them.
"""

from importlib import import_module
from typing import Any

#: Operators that torchvision describes to torch while it is imported, whether they are there or not.
_OPERATORS = ("nms", "qnms")
_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


def torchvision(module: str) -> Any:
    """Import a module of torchvision, such as ``datasets``.

    Where its operators can't be loaded they are declared, so that the import goes through; calling one still fails.
    """
    try:
        return import_module(f"torchvision.{module}")
    except RuntimeError as problem:
        if "torchvision::" not in str(problem):
            raise
    import torch

    for name in _OPERATORS:
        torch.library.define(f"torchvision::{name}", _SCHEMA)
    return import_module(f"torchvision.{module}")
