"""Graphs run in blocks aligned to absolute row numbers."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from hourglass.runtime.graphs import BLOCK, Graph, Graphs, calls

SIZES = (4, 32, 1024)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A graph that doubles its input, and counts the rows of the call from the top."""
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
    return path


@pytest.fixture(scope="module")
def graph(path: Path) -> Graph:
    return Graph(path)


@given(rows=st.integers(0, 3 * BLOCK), first_row=st.integers(0, 3 * BLOCK))
def test_every_row_comes_back_in_its_place(graph: Graph, rows: int, first_row: int) -> None:
    x = np.arange(2 * rows, dtype=np.float32).reshape(rows, 2)
    found = graph.run(x, first_row=first_row)
    np.testing.assert_array_equal(found["double"], 2 * x)
    np.testing.assert_array_equal(found["place"][:, 0], (first_row + np.arange(rows)) % BLOCK + 1)


def test_the_outputs_keep_their_names(graph: Graph) -> None:
    assert list(graph.run(np.zeros((1, 2), np.float32))) == ["double", "place"]


def test_a_graph_of_a_package_is_opened_when_it_is_first_asked_for(path: Path) -> None:
    graphs = Graphs(path.parent, ())
    assert not graphs
    assert graphs["graph"] is graphs["graph"]


def test_sizes_that_change_a_result_are_not_used(path: Path) -> None:
    assert Graph(path, SIZES).sizes == ()


def test_sizes_that_change_nothing_give_the_same_rows(tmp_path: Path) -> None:
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, ["batch", 2]) for n in ("x", "y"))
    doubling = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "g", [x], [y])
    onnx.save(helper.make_model(doubling, opset_imports=[helper.make_opsetid("", 17)]), tmp_path / "graph.onnx")
    graph = Graph(tmp_path / "graph.onnx", SIZES)
    assert graph.sizes == SIZES
    rows = np.arange(10_000, dtype=np.float32).reshape(5000, 2)
    for first_row, count in ((0, 5000), (300, 4000), (7, 1), (1020, 4), (1024, 1024), (0, 0)):
        np.testing.assert_array_equal(graph.run(rows[:count], first_row=first_row)["y"], 2 * rows[:count])


@given(rows=st.integers(0, 5000), first_row=st.integers(0, 5000), sizes=st.sampled_from([(), (4,), (1024,), SIZES]))
def test_calls_are_all_rows_in_aligned_blocks(rows: int, first_row: int, sizes: tuple[int, ...]) -> None:
    found = calls(rows, first_row, sizes)
    assert [start for start, *_ in found] == [0, *(stop for _, stop, *_ in found[:-1])]
    assert found[-1][1] == rows
    for start, stop, place, size in found:
        assert size in {*sizes, BLOCK}
        assert place == (first_row + start) % size
        assert place + stop - start <= size
        assert size <= BLOCK or stop - start == size


def test_few_rows_take_small_calls_and_many_take_large_ones() -> None:
    sizes = {count: [size for *_, size in calls(count, 0, SIZES)] for count in (1, 4, 5, 33, 1024, 2100)}
    assert sizes == {1: [4], 4: [4], 5: [32], 33: [256], 1024: [1024], 2100: [1024, 1024, 256]}
