import subprocess
import sys

import pytest

from hourglass import models

LOADED = """
import importlib, pkgutil, sys
package = importlib.import_module(sys.argv[1])
for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    importlib.import_module(found.name)
print(*(name for name in sys.modules if name.partition(".")[0] == "hourglass"))
"""


@pytest.mark.parametrize("package", ["hourglass.models", "hourglass.training"])
def test_a_package_loads_neither_params_nor_data_nor_runtime(package):
    run = subprocess.run([sys.executable, "-c", LOADED, package], capture_output=True, text=True, check=True)
    parts = {".".join(name.split(".")[:2]) for name in run.stdout.split()}
    assert package in parts
    bare = {f"hourglass.{name}" for name in ("errors", "files", "one_per_file", "settings")}  # of the standard library
    assert parts <= {"hourglass", "hourglass.models", "hourglass.training", *bare}


def test_listing_names_does_not_load_torch():
    code = "import sys; from hourglass import models; assert models.names(); print('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_names_are_sorted_and_hold_the_two_classics():
    assert list(models.names()) == sorted(models.names())
    assert {"autoencoder", "vae"} <= set(models.names())


@pytest.mark.parametrize(("alias", "name"), models.ALIASES.items())
def test_an_alias_is_another_name_of_the_same_class(alias, name):
    assert alias not in models.names()
    assert models.get(alias) is models.get(name)


def test_a_name_that_no_variant_has_is_refused_with_those_that_exist():
    with pytest.raises(KeyError, match=r"no variant 'vea'.*autoencoder"):
        models.get("vea")
