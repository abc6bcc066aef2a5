"""Tell the Prefect server that data came, so that it starts a retraining (``hourglass deploy``)."""

import sys

import httpx
from prefect.settings import get_current_settings

from flows import events
from hourglass.children import ERROR_PREFIX


def main(name: str, shard: str) -> None:
    """Send the event; that nobody takes it is no reason to refuse the data.

    Parameters
    ----------
    name : str
        ``registry.name``, which is also the deployment's.
    shard : str
    """
    api = get_current_settings().api.url
    if not api:
        return
    try:
        events.send(events.ADDED, name, {"shard": shard})
    except (httpx.HTTPError, RuntimeError) as problem:
        print(  # noqa: T201
            f"{ERROR_PREFIX}{shard} is added, but Prefect's API at {api} can't be told ({problem}), so no retraining "
            f"starts by itself; start it with `prefect deployment run scheduled-retrain/{name}`.",
            file=sys.stderr,
        )
