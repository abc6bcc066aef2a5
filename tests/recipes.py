"""Recipes of the documentation, followed as they are written."""

import re
import shlex
from pathlib import Path

from ruamel.yaml import YAML

from tests.projects import ROOT, Checkout

#: The data that recipes are about, which a checkout has beside it.
SHARED = ROOT.parent / "shared"
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def beside_shared(clone: Checkout, folder: Path) -> Checkout:
    """Copy a checkout into a folder where it finds the shared data."""
    (folder / "shared").symlink_to(SHARED)
    return clone.copy(folder / "hourglass")


def follow(recipe: str, checkout: Checkout) -> str:
    """Do what a recipe says, from top to bottom; give all that was printed."""
    said = []
    for language, body in _FENCE.findall((ROOT / "docs/recipes" / recipe).read_text(encoding="utf-8")):
        if language == "yaml":
            checkout.set(**YAML(typ="safe").load(body))
        elif language == "sh":
            said += [checkout.run(*shlex.split(line)) for line in body.splitlines()]
        elif language == "python":
            (checkout.root / "step.py").write_text(body)
            said.append(checkout.run("step"))
    return "\n".join(said)
