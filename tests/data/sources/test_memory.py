"""Memory of a block that is done serves the next one."""

import platform
import subprocess
import sys

import pytest

#: Fills blocks of 4 MiB one after the other, two at a time, and prints how often the system had to give a page.
CHILD = """
import resource, sys
import numpy as np
from hourglass.data.sources import memory

if sys.argv[1] == "keep":
    memory.keep()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    blocks = [np.ones(2**22 - 2**16, np.uint8) for _ in range(2)]
    del blocks
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="what is kept is glibc's affair")
def test_pages_of_a_block_are_given_once() -> None:
    def faults(how: str) -> int:
        done = subprocess.run([sys.executable, "-c", CHILD, how], capture_output=True, text=True, check=True)
        return int(done.stdout)

    assert faults("keep") < faults("leave") / 3
