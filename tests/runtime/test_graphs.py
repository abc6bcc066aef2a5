"""Graphs run in blocks aligned to absolute row numbers."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from hourglass.runtime.graphs import BLOCK, Graph


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    """Doubles its input, and counts the rows of the call from the top."""
    nodes = [
        helper.make_node("Add", ["x", "x"], ["double"]),
        helper.make_node("Mul", ["x", "zero"], ["zeros"]),
        helper.make_node("Add", ["zeros", "one"], ["ones"]),
        helper.make_node("CumSum", ["ones", "axis"], ["place"]),
    ]
    constants = [helper.make_tensor(name, TensorProto.FLOAT, [], [value]) for name, value in (("zero", 0), ("one", 1))]
    constants.append(helper.make_tensor("axis", TensorProto.INT64, [], [0]))
    x, *outputs = (helper.make_tensor_value_info(n, TensorProto.FLOAT, ["batch", 2]) for n in ("x", "double", "place"))
    path = tmp_path_factory.mktemp("graph") / "graph.onnx"
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(helper.make_graph(nodes, "g", [x], outputs, constants), opset_imports=opset), path)
    return Graph(Path(path))


@given(rows=st.integers(0, 3 * BLOCK), first_row=st.integers(0, 3 * BLOCK))
def test_every_row_comes_back_in_its_place(graph: Graph, rows: int, first_row: int) -> None:
    x = np.arange(2 * rows, dtype=np.float32).reshape(rows, 2)
    found = graph.run(x, first_row=first_row)
    np.testing.assert_array_equal(found["double"], 2 * x)
    np.testing.assert_array_equal(found["place"][:, 0], (first_row + np.arange(rows)) % BLOCK + 1)


def test_the_outputs_keep_their_names(graph: Graph) -> None:
    assert list(graph.run(np.zeros((1, 2), np.float32))) == ["double", "place"]
