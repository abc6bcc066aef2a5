"""torch's exporter in half its time: it builds its table of operators anew for every graph, always the same one."""

import sys
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import pytest
import torch

_export = torch.onnx.export


@cache
def _operators(build: Callable[..., Any], **version: int) -> Any:
    return build(**version)


def export(*given: Any, **settings: Any) -> Any:
    """Export as ``torch.onnx.export`` does; coverage, which slows torch's own code by half, looks away."""
    from torch.onnx._internal.exporter._registration import ONNXRegistry

    tracer = sys.gettrace()
    sys.settrace(None)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ONNXRegistry, "from_torchlib", partial(_operators, ONNXRegistry.from_torchlib))
            return _export(*given, **settings)
    finally:
        sys.settrace(tracer)
