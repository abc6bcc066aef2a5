"""What names a version: ``models:/NAME/3``, ``models:/NAME@champion``, and shorter forms of them."""

import re
from typing import TYPE_CHECKING

from hourglass.errors import HourglassError
from hourglass.project import Project
from hourglass.registry import store

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

_URI = re.compile(r"models:/(?P<name>[^/@]+)(?:/(?P<number>\d+)|@(?P<alias>[^/@]+))")


def entry_of(project: Project, uri: str) -> "ModelVersion":
    """Ask the registry for what ``models:/NAME/3`` or ``models:/NAME@champion`` names.

    Raises
    ------
    HourglassError
        The address is none of these, or there is no such version.
    """
    named = _URI.fullmatch(uri)
    if named is None:
        raise HourglassError(f"{uri!r} names no version; expected models:/NAME/3 or models:/NAME@champion.")
    client = store.connect(project)
    with store.store_errors(store.uri(project)):
        if named["number"] is not None:
            return client.get_model_version(named["name"], named["number"])
        return client.get_model_version_by_alias(named["name"], named["alias"])


def completed(name: str, short: str) -> str:
    """Complete what names a version of a registered name: ``3``, ``@champion``, ``NAME/3``, ``models:/NAME/3``."""
    if short.isdecimal():
        return f"models:/{name}/{short}"
    if short.startswith("@"):
        return f"models:/{name}{short}"
    return short if short.startswith("models:/") else f"models:/{short}"
