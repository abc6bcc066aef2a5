"""Events that this project tells the Prefect server of; automations (`flows.automations`) act on them."""

from typing import Any

from prefect.client.orchestration import get_client
from prefect.events.schemas.events import Event, Resource

#: New data is in the snapshot.
ADDED = "hourglass.data.added"
#: Rows are no longer those that the champion was made for.
DRIFT = "hourglass.drift"


def resource_of(event: str, name: str) -> str:
    """Give the id of what an event is about: the data, or the drift, of ``registry.name``."""
    return f"{event.removesuffix('.added')}.{name}"


def send(event: str, name: str, payload: dict[str, Any]) -> None:
    """Tell the server, and wait until it knows.

    Parameters
    ----------
    event : str
    name : str
        ``registry.name``.
    payload : dict

    Raises
    ------
    httpx.HTTPError, RuntimeError
        It can't be told.
    """
    resource = Resource({"prefect.resource.id": resource_of(event, name), "prefect.resource.name": name})
    content = Event(event=event, resource=resource, payload=payload).model_dump(mode="json")
    with get_client(sync_client=True) as client:
        client.request("POST", "/events", json=[content])
