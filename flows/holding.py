"""Slots that work holds while it runs, so that no more runs at once than `params.yaml` says."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from prefect import get_run_logger

from hourglass import slots
from hourglass.errors import HourglassError


def part_of() -> str | None:
    """Give the id of the run of a deployment that this process belongs to."""
    return os.environ.get("PREFECT__FLOW_RUN_ID")


@contextmanager
def held(gpus: tuple[str, ...], count: int = 1) -> Iterator[dict[str, str]]:
    """Hold what work takes up: a CPU slot and so many of the GPUs, if there are any; give what tells it which.

    Runs of a deployment share the server's counts between machines; the GPU itself is held by a lock of this one.
    """
    log = get_run_logger()
    with ExitStack() as stack:
        if part_of():
            if gpus:
                slots.require(gpus, count)  # the server would have us wait for ever
                stack.enter_context(_limit(slots.GPU, count))
            stack.enter_context(_limit(slots.CPU))
        if not gpus:
            yield {}
            return
        device = stack.enter_context(slots.leased(gpus, lambda: log.info("waiting for a GPU: all are taken"), count))
        log.info("on GPU %s", device)
        yield {"CUDA_VISIBLE_DEVICES": device}


@contextmanager
def _limit(name: str, count: int = 1) -> Iterator[None]:
    """Hold slots of one of the server's limits; a killed holder's comes free after a minute."""
    from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError
    from prefect.concurrency.sync import concurrency

    try:
        with concurrency(name, occupy=count, strict=True, lease_duration=60, raise_on_lease_renewal_failure=False):
            yield
    except ConcurrencySlotAcquisitionError as problem:
        if problem.__cause__ is not None:  # the server wasn't there to ask, which may go well again
            raise
        raise HourglassError(f"the Prefect server has no limit {name!r}; `hourglass deploy` creates it.") from problem
