"""Model cards: the description of a version in the registry, which MLflow's pages show; the package stays as it is."""

from typing import TYPE_CHECKING

from hourglass.errors import HourglassError
from hourglass.params import Params
from hourglass.project import Project
from hourglass.registry import addresses, tracking

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion


def read(project: Project, uri: str) -> str:
    """Give the model card of a version, as it was written when that was registered.

    Parameters
    ----------
    project : Project
    uri : str
        ``models:/NAME/3`` or ``models:/NAME@champion``.

    Raises
    ------
    HourglassError
        There is no such version, or it has no card.
    """
    entry = addresses.entry_of(project, uri)
    if not entry.description:
        raise HourglassError(
            f"{uri} has no model card: it was registered by others, or before there were any; `hourglass register` "
            "writes that of the present best variant."
        )
    return str(entry.description)


def describe(client: "MlflowClient", project: Project, params: Params, entry: "ModelVersion") -> None:
    """Write the model card as the description of a version that has none."""
    if entry.description:
        return
    from hourglass.report.card import card

    tags = client.get_model_version(entry.name, entry.version).tags
    text = card(project, params, tags[tracking.VARIANT], entry.name, int(entry.version), tags)
    client.update_model_version(entry.name, entry.version, text)
