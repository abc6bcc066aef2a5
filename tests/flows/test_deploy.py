"""What `hourglass deploy` compares with what the server holds; the rest of it is tested against a server."""

import os
import subprocess
import sys

from tests.projects import ROOT

#: With this seed of hashes the sets below iterate in an order that depends on how they were filled.
UNLUCKY = "4"
COMPARE = """
import itertools
from flows import automations, deploy
from prefect.events.schemas.automations import Automation

wanted = {entry.name: entry for entry in automations.of("n", "1eb11f1a-0000-0000-0000-000000000000")}["n: no heartbeat"]
kept = wanted.model_dump(mode="json") | {"id": "1eb11f1a-0000-0000-0000-000000000001"}
orders = set()
for order in itertools.permutations(kept["trigger"]["expect"]):
    held = Automation.model_validate(kept | {"trigger": kept["trigger"] | {"expect": list(order)}})
    orders.add(tuple(held.model_dump(mode="json")["trigger"]["expect"]))
    print(deploy._content(held) == deploy._content(wanted))
print(len(orders) > 1)
"""


def test_automations_are_compared_whatever_the_order_of_their_sets():
    env = os.environ | {"PYTHONHASHSEED": UNLUCKY}
    done = subprocess.run(
        [sys.executable, "-c", COMPARE], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True"] * 7
