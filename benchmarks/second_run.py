"""How long a run takes that has nothing to do, against a bare Prefect flow with as many tasks.

Run it in a project that is up to date: ``python benchmarks/second_run.py [ROUNDS]``. Both sides alternate; a temporary
Prefect server is in both, started by us in the one and by Prefect in the other.
"""

import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

BARE = """
from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE

@task(cache_policy=NO_CACHE, persist_result=False)
def nothing(number):
    get_run_logger().info("task %d", number)

@flow(persist_result=False)
def bare():
    for future in [nothing.submit(number) for number in range({tasks})]:
        future.result()

bare()
"""


def seconds(*command: str, folder: Path | None = None) -> tuple[float, str]:
    """Run Python with a command line; give how long it took and what it said."""
    started = time.perf_counter()
    done = subprocess.run([sys.executable, *command], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return time.perf_counter() - started, done.stdout + done.stderr


def main() -> None:
    """Print the times of both sides, round by round."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    _, said = seconds("-m", "hourglass", "run")
    if "0 stages ran" not in said:
        _, said = seconds("-m", "hourglass", "run")
    tasks = len(set(re.findall(r"Task run '([^']+)' - Finished", said)))
    pairs = []
    with tempfile.TemporaryDirectory() as folder:
        flow = Path(folder) / "bare.py"
        flow.write_text(BARE.format(tasks=tasks))
        print(f"{tasks} tasks\n   ours   bare  ours - bare")
        for _ in range(rounds):
            pairs.append((seconds("-m", "hourglass", "run")[0], seconds(str(flow), folder=Path(folder))[0]))
            print(f"{pairs[-1][0]:6.1f} {pairs[-1][1]:6.1f} {pairs[-1][0] - pairs[-1][1]:6.1f} s", flush=True)
    ours, bare = (median(side) for side in zip(*pairs, strict=True))
    print(f"{ours:6.1f} {bare:6.1f} {ours - bare:6.1f} s, ratio {ours / bare:.2f} (medians)")


if __name__ == "__main__":
    main()
