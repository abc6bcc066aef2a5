"""torch's exporter while coverage, which slows torch's own code by half, looks away."""

import sys
from typing import Any

import torch

_export = torch.onnx.export


def export(*given: Any, **settings: Any) -> Any:
    """Export as ``torch.onnx.export`` does."""
    tracer = sys.gettrace()
    sys.settrace(None)
    try:
        return _export(*given, **settings)
    finally:
        sys.settrace(tracer)
