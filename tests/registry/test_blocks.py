"""The sizes that a call may have are those that change no byte."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from hourglass.registry import blocks


def write(path: Path, node: onnx.NodeProto, weight: np.ndarray, shape: tuple[int, ...]) -> Path:
    """Write a graph of one operation between "x" and "y", with "w" for its weights."""
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shape]) for name in ("x", "y"))
    graph = helper.make_graph([node], "g", [x], [y], [numpy_helper.from_array(weight, "w")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
    return path


def test_what_is_done_number_by_number_allows_all_sizes(tmp_path: Path) -> None:
    path = write(tmp_path / "graph.onnx", helper.make_node("Mul", ["x", "w"], ["y"]), np.array(0.1, np.float32), (30,))
    assert blocks.sizes(path, np.ones((700, 30), np.float32)) == [4, 32, 1024]


def test_what_depends_on_the_rows_beside_allows_none(tmp_path: Path) -> None:
    path = write(tmp_path / "graph.onnx", helper.make_node("CumSum", ["x", "w"], ["y"]), np.array(0), (2,))
    assert blocks.sizes(path, np.ones((5, 2), np.float32)) == []


def test_convolutions_gain_a_size_for_single_rows(tmp_path: Path) -> None:
    node = helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1])
    path = write(tmp_path / "graph.onnx", node, np.ones((1, 1, 3), np.float32), (1, 8))
    assert blocks.sizes(path, np.ones((5, 1, 8), np.float32)) == [4]


def test_rows_that_fill_the_cache_by_themselves_gain_no_larger_size(tmp_path: Path) -> None:
    path = write(tmp_path / "graph.onnx", helper.make_node("Mul", ["x", "w"], ["y"]), np.array(0.1, np.float32), (784,))
    assert blocks.sizes(path, np.ones((5, 784), np.float32)) == [4, 32]


def test_a_package_names_the_sizes_that_its_graph_allows(table_autoencoder: Any) -> None:
    model = table_autoencoder.model
    x, _ = model.schema.encode(table_autoencoder.dataset.raw("test"))
    assert model.config["blocks"] == blocks.sizes(table_autoencoder.folder / "reconstruct.onnx", model.normaliser(x))
