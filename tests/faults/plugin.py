"""How many faults a run tries, and the page that counts them.

``--faults=N`` draws N of the collected cases at random, ``--faults=all`` takes all; ``--fault-seed=N`` repeats a draw
and the moments of its kills. ``--reliability=FILE`` keeps a page of counts, written anew after every case.
"""

import os
import random
from pathlib import Path

import pytest

from tests.faults.page import Page

#: Drawn by the process that the user started; its xdist workers inherit it.
_SEED = "HOURGLASS_FAULT_SEED"


def pytest_addoption(parser):
    group = parser.getgroup("faults")
    group.addoption("--faults", default="12", metavar="N|all", help="how many fault cases to draw (default 12)")
    group.addoption("--fault-seed", type=int, metavar="N", help="repeat the draw and the moments of this seed")
    group.addoption("--reliability", type=Path, metavar="FILE", help="write a page of counts")


def pytest_configure(config):
    if not hasattr(config, "workerinput"):
        given = config.getoption("--fault-seed")
        os.environ[_SEED] = str(random.SystemRandom().randrange(1_000_000) if given is None else given)
        if config.getoption("--reliability"):
            config.pluginmanager.register(Page(config.getoption("--reliability"), seed()))


def seed() -> int:
    return int(os.environ[_SEED])


def pytest_report_header(config):
    return f"faults: {config.getoption('--faults')} with --fault-seed {seed()}"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """Draw among the cases that are still selected."""
    wanted = config.getoption("--faults")
    faults = [item for item in items if item.get_closest_marker("fault")]
    if wanted == "all" or len(faults) <= int(wanted):
        return
    drawn = set(random.Random(seed()).sample([item.nodeid for item in faults], int(wanted)))
    left = [item for item in faults if item.nodeid not in drawn]
    config.hook.pytest_deselected(items=left)
    items[:] = [item for item in items if item not in set(left)]
