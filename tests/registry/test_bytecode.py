"""A package's code can be imported without a trace."""

import importlib.util
import sys
from pathlib import Path

import pytest

from hourglass.registry.bytecode import no_bytecode


@pytest.mark.parametrize("without", [True, False])
def test_import_leaves_nothing_beside_the_code(without: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", None)
    code = tmp_path / "shim.py"
    code.write_text("x = 1\n")
    spec = importlib.util.spec_from_file_location("shim_of_a_test", code)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    if without:
        with no_bytecode():
            spec.loader.exec_module(module)
    else:
        spec.loader.exec_module(module)
    assert module.x == 1
    assert (tmp_path / "__pycache__").exists() != without
    assert sys.dont_write_bytecode is False


def test_setting_comes_back_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    with pytest.raises(ZeroDivisionError), no_bytecode():
        1 / 0  # noqa: B018
    assert sys.dont_write_bytecode is False
