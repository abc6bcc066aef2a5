"""From a trained variant to ONNX graphs that say the same."""

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hourglass.errors import HourglassError
from hourglass.models.shared.variant import Variant

#: Largest difference between a graph and the net it came from, relative to the largest magnitude of the output (for
#: scores, the largest mean square of a row).
TOLERANCE = 1e-5


class _Graph(nn.Module):
    """A part of a variant as a module with named outputs."""

    def __init__(self, model: Variant, outputs: Callable[[Tensor], Mapping[str, Tensor]]) -> None:
        super().__init__()
        self.model = model
        self.outputs = outputs

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.outputs(x).values())


def graphs_of(model: Variant) -> dict[str, Callable[[Tensor], Mapping[str, Tensor]]]:
    """Name the graphs of a variant: what goes in is rows, or codes for ``decode``."""

    def reconstruct(x: Tensor) -> dict[str, Tensor]:
        x_hat = model.reconstruct(x)
        return {"x_hat": x_hat, "score": model.anomaly_score(x, x_hat)}

    return {
        "encode": model.encode,
        "decode": lambda z: {"x_hat": model.decode(z)},
        "reconstruct": reconstruct,
    }


def export(model: Variant, folder: Path, x: Tensor) -> None:
    """Write each graph as ``NAME.onnx`` and check it against the net.

    Parameters
    ----------
    model : Variant
        On the CPU.
    folder : Path
    x : Tensor of shape (rows, *shape)
        Rows to check on.

    Raises
    ------
    HourglassError
        A graph differs from the net by more than `TOLERANCE`.
    """
    model.eval()
    with torch.no_grad():
        examples = {"encode": x, "decode": model.encode(x)["z"], "reconstruct": x}
        for name, outputs in graphs_of(model).items():
            expected = outputs(examples[name])
            path = folder / f"{name}.onnx"
            _write(_Graph(model, outputs), examples[name][:2], list(expected), path)
            _check_parity(path, examples[name], expected)


def _write(graph: nn.Module, example: Tensor, outputs: list[str], path: Path) -> None:
    name = "z" if path.stem == "decode" else "x"
    with warnings.catch_warnings():
        # torch's exporter warns of its own use of torch.export
        warnings.simplefilter("ignore", FutureWarning)
        program = torch.onnx.export(
            graph.eval(),
            (example,),
            input_names=[name],
            output_names=outputs,
            dynamic_shapes=({0: torch.export.Dim("batch", min=1)},),
            dynamo=True,
            verbose=False,
        )
    assert program is not None  # noqa: S101
    proto = program.model_proto
    _strip_metadata(proto)
    onnx.checker.check_model(proto)
    path.write_bytes(proto.SerializeToString(deterministic=True))


def _strip_metadata(proto: Any) -> None:
    """Remove what the exporter notes about the source: paths and stack traces of this machine."""
    holders = [proto, proto.graph, *proto.functions, *proto.graph.node, *proto.graph.input, *proto.graph.output]
    holders += [*proto.graph.value_info, *proto.graph.initializer]
    for function in proto.functions:
        holders += [*function.node, *function.value_info]
    for holder in holders:
        del holder.metadata_props[:]
        holder.doc_string = ""


def _check_parity(path: Path, x: Tensor, expected: Mapping[str, Tensor]) -> None:
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    found: list[NDArray[np.float32]] = session.run(list(expected), {session.get_inputs()[0].name: x.numpy()})
    for (name, reference), values in zip(expected.items(), found, strict=True):
        difference = float(np.abs(values - reference.numpy()).max())
        # a score is a difference of nearly equal numbers: its rounding is that of the rows
        magnitude = x.square().flatten(1).mean(1) if name == "score" else reference.abs()
        largest = float(magnitude.max())
        if not difference <= TOLERANCE * largest:
            raise HourglassError(
                f"{path.name}: {name} differs from the net by {difference:.2g}, more than {TOLERANCE:g} of its largest "
                f"magnitude {largest:.2g}; the model was not packaged."
            )
