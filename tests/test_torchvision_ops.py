"""Torchvision can be imported beside a build of torch that its operators don't fit."""

import subprocess
import sys

import pytest


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.long
def test_modules_of_plain_python_are_imported_in_a_mixed_build() -> None:
    code = (
        "from hourglass.torchvision_ops import torchvision\n"
        "names = [torchvision(name).__name__ for name in ('datasets', 'transforms.v2')]\n"
        "import torchvision as whole\n"
        "print(names, whole.models.resnet18().fc.out_features)"
    )
    assert run(code) == "['torchvision.datasets', 'torchvision.transforms.v2'] 1000"


def test_another_error_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    from hourglass import torchvision_ops

    def fail(name: str) -> None:
        raise RuntimeError(f"{name}: out of memory")

    monkeypatch.setattr(torchvision_ops, "import_module", fail)
    with pytest.raises(RuntimeError, match="out of memory"):
        torchvision_ops.torchvision("datasets")


def test_operators_are_declared_only_where_they_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from hourglass import torchvision_ops

    declared, tries = [], iter([RuntimeError("operator torchvision::nms does not exist"), "module", "fine at once"])

    def give(name: str) -> object:
        found = next(tries)
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(torchvision_ops, "import_module", give)
    monkeypatch.setattr(torch.library, "define", lambda name, schema: declared.append(name))
    assert torchvision_ops.torchvision("datasets") == "module"
    assert declared == ["torchvision::nms", "torchvision::qnms"]
    assert torchvision_ops.torchvision("datasets") == "fine at once"
    assert len(declared) == 2
