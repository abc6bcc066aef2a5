"""The quick-start notebook runs as it stands, and finds what it promises to find."""

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
    *_, progress, picture, auroc = (cell.outputs for cell in notebook.cells if cell.cell_type == "code")
    assert "epoch=" in progress[-1].data["text/plain"]
    assert picture[-1].data["image/png"]
    assert 0.8 < float(auroc[-1].data["text/plain"]) <= 1
    assert list(tmp_path.iterdir()) == []
