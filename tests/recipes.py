"""Recipes of the documentation, followed as they are written."""

import re
import shlex

from ruamel.yaml import YAML

from tests.projects import ROOT, Checkout

_FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


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
