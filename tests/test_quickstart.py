"""The quick-start notebook runs as it stands, and finds what it promises to find."""

import ast
from pathlib import Path

import nbclient
import nbformat
import pytest

NOTEBOOK = Path(__file__).parents[1] / "docs" / "quickstart.ipynb"


def test_no_outputs_are_stored():
    for cell in nbformat.read(NOTEBOOK, as_version=4).cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


@pytest.mark.slow
def test_it_finds_the_digit_it_never_saw(tmp_path):
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    _, trained, picture, found, accuracy, progress = (
        cell.outputs for cell in notebook.cells if cell.cell_type == "code"
    )
    auroc, false_alarms, detected = ast.literal_eval(found[-1].data["text/plain"])
    assert "reconstruction" in trained[-1].data["text/plain"]
    assert picture[-1].data["image/png"]
    assert 0.8 < auroc <= 1
    assert false_alarms < 0.12 < detected
    assert float(accuracy[-1].data["text/plain"]) > 0.85
    assert "epoch=" in progress[-1].data["text/plain"]
    assert list(tmp_path.iterdir()) == []
