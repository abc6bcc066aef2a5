"""Imports run one way, and heavy ones happen where they are used."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "hourglass"

#: What the library knows nothing of, and nets, what trains them and what scores rows by them know even less.
_PIPELINE = ("stages", "registry", "report", "pipeline", "dvc_data", "dvc_repo", "sweep")
_ABOVE = ("params", "sections", "data", "runtime", "evaluation", *_PIPELINE)
#: What the modules of a package must not import.
FORBIDDEN = {
    "models": (*_ABOVE, "training", "scores"),
    "scores": (*_ABOVE, "training"),
    "training": (*_ABOVE, "scores"),
    "data": ("models", "training", "evaluation", *_PIPELINE),
    "drift": ("models", "training", "evaluation", *_PIPELINE, "use"),
    "evaluation": ("training", *_PIPELINE),
    "sweep": ("report",),
    "use": ("models", "training", "evaluation", *_PIPELINE),
}


def imported(path: Path) -> set[str]:
    """Modules that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found |= {str(node.module)} | {f"{node.module}.{name.name}" for name in node.names}
    return found


@pytest.mark.parametrize("package", FORBIDDEN)
def test_package_imports_nothing_above_it(package):
    for path in (SOURCE / package).rglob("*.py"):
        above = {f"hourglass.{name}" for name in FORBIDDEN[package]}
        bad = {name for name in imported(path) if any(name == root or name.startswith(f"{root}.") for root in above)}
        assert not bad, path


def test_no_variant_builds_on_another():
    """``train@V`` depends on its own file and `shared`; DVC wouldn't see a change in another."""
    files = [path for path in (SOURCE / "models").glob("*.py") if path.stem != "__init__"]
    variants = {f"hourglass.models.{path.stem}" for path in files}
    for path in [*files, *(SOURCE / "models" / "shared").glob("*.py")]:
        assert not imported(path) & variants, path


def test_only_the_flows_know_prefect():
    for path in SOURCE.rglob("*.py"):
        assert not any(name.split(".")[0] == "prefect" for name in imported(path)), path


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("hourglass.cli", ("torch", "mlflow", "prefect", "umap", "sklearn", "dvc", "matplotlib", "pandas")),
        ("hourglass.params", ("torch", "mlflow", "pandas", "sklearn")),
        ("hourglass.stages.train", ("mlflow", "umap", "sklearn", "dvc.repo", "matplotlib", "prefect", "onnx")),
        ("hourglass.stages.compare", ("torch", "mlflow", "matplotlib", "prefect", "onnx")),
        ("hourglass.stages.evaluate", ("mlflow", "umap", "matplotlib", "prefect", "onnx")),
        ("hourglass.use.commands", ("torch", "mlflow", "sklearn", "matplotlib", "prefect", "onnx", "PIL")),
        ("hourglass", ("torch", "mlflow", "numpy")),
        (
            "hourglass.registry.consume",
            ("torch", "mlflow", "prefect", "pydantic", "sklearn", "matplotlib", "onnx", "PIL"),
        ),
        ("hourglass.estimator", ("mlflow", "prefect", "dvc", "pydantic", "onnx", "matplotlib", "umap")),
    ],
)
def test_import_brings_in_no_more_than_it_needs(module, absent):
    code = f"import sys, {module}; print([name for name in {absent} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("arguments", [["run", "--help"], ["run"]], ids=str)
def test_command_loads_no_library_for_data_before_it_needs_one(arguments, tmp_path):
    code = (
        "import sys; from hourglass.cli import main\n"
        f"sys.argv = ['hourglass', *{arguments}]\n"
        "try: main()\n"
        "except SystemExit: print([name for name in ('numpy', 'pandas', 'onnxruntime') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "[]"


def test_loop_and_its_readers_agree_on_the_name_of_the_metrics_file():
    from hourglass import outputs
    from hourglass.training.loop import METRICS_FILE

    assert METRICS_FILE == outputs.EPOCHS
