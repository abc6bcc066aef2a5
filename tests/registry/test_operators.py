"""A kept table of operators changes no graph, and nothing of torch for good."""

import pytest
import torch
from torch.onnx._internal.exporter import _registration
from torch.onnx._internal.exporter._registration import ONNXRegistry

from hourglass.registry.operators import built_once


def graph(net: torch.nn.Module) -> bytes:
    program = torch.onnx.export(net.eval(), (torch.ones(2, 3),), dynamo=True, verbose=False)
    assert program is not None
    return program.model_proto.SerializeToString(deterministic=True)


def test_graphs_are_those_that_torch_writes_with_a_table_for_each() -> None:
    nets = [torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.SiLU()), torch.nn.LayerNorm(3)]
    with built_once():
        kept = [graph(net) for net in nets]
    assert kept == [graph(net) for net in nets]


def test_the_table_is_built_once_and_torch_is_left_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[int] = []

    def build(cls: type, opset_version: int) -> object:
        built.append(opset_version)
        return object()

    own = classmethod(build)
    monkeypatch.setattr(ONNXRegistry, "from_torchlib", own)
    for _ in range(2):
        with built_once():
            tables = [ONNXRegistry().from_torchlib(opset_version=version) for version in (18, 20, 18)]
            assert ONNXRegistry.from_torchlib(22) is not tables[0]
        assert tables[0] is tables[2] is not tables[1]
        assert vars(ONNXRegistry)["from_torchlib"] is own
    assert built == [18, 20, 22]


def test_torch_is_left_as_it_was_by_an_export_that_fails() -> None:
    own = vars(ONNXRegistry)["from_torchlib"]
    with pytest.raises(RuntimeError, match="not exported"), built_once():
        raise RuntimeError("not exported")
    assert vars(ONNXRegistry)["from_torchlib"] is own


@pytest.mark.parametrize("lacking", ["ONNXRegistry", "from_torchlib"])
def test_a_torch_without_such_a_table_is_left_alone(lacking: str, monkeypatch: pytest.MonkeyPatch) -> None:
    of = _registration if lacking == "ONNXRegistry" else ONNXRegistry
    monkeypatch.delattr(of, lacking)
    with built_once():
        assert lacking not in vars(of)
