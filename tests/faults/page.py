"""The page that counts what the matrix found."""

import platform
from collections import Counter, defaultdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import pytest

#: What a case tells of each kill: what was killed, the moment (0 to 1), and whether it still lived.
KILL = "fault kill"

_PAGE = """\
# Reliability

What `python -m tests.faults` found on {date}: {kills} kills at random moments and {others} other faults, of which
{failed} broke a promise.

After each fault no process of the run is left and no half-written output lies under its final name. After the last of
a case the next run completes with the same `dvc.lock` and the same bytes as one that nothing disturbed, MLflow holds no
run and no version twice, and the alias points to a version that the gate let through.

Seed {seed}; Python {python}, DVC {dvc}, Prefect {prefect}, MLflow {mlflow}, torch {torch}, {system}.

## Kills

SIGKILL at a moment drawn evenly over the life of the process, eight times in each case of a stage, four times in each
of a flow: every run meets what those before it left. *Hit* counts the kills that found it alive; the columns after it
say in which quarter of that life they fell.

| killed | times | hit | first | second | third | last | passed |
|---|--:|--:|--:|--:|--:|--:|--:|
{kill_rows}

## Other faults

| fault | cases | passed | skipped |
|---|--:|--:|--:|
{other_rows}
"""


class Page:
    """Counts the cases as they end."""

    def __init__(self, path: Path, seed: int) -> None:
        self.path, self.seed = path, seed
        self.kills: dict[str, list[tuple[float, bool, bool]]] = defaultdict(list)
        self.others: dict[str, Counter[str]] = defaultdict(Counter)
        self.failed: set[str] = set()

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report):
        if "fault" not in report.keywords or (report.when != "call" and report.passed):
            return
        if report.failed:
            self.failed.add(report.nodeid)
        kills = [told for name, told in report.user_properties if name == KILL]
        for kind, moment, hit in kills:
            self.kills[kind].append((moment, hit, report.passed))
        if not kills:
            name = report.nodeid.rpartition("::")[2].partition("[")[0].removeprefix("test_").replace("_", " ")
            self.others[name][report.outcome] += 1
        self.path.write_text(self.text(), encoding="utf-8")

    def text(self) -> str:
        kills = [entry for entries in self.kills.values() for entry in entries]
        rows = [_row(kind, entries) for kind, entries in sorted(self.kills.items())]
        others = [
            f"| {name} | {counts.total()} | {counts['passed']} | {counts['skipped']} |"
            for name, counts in sorted(self.others.items())
        ]
        page = _PAGE.format(
            date=f"{datetime.now(UTC):%Y-%m-%d}",
            kills=len(kills),
            others=sum(counts.total() for counts in self.others.values()),
            failed=len(self.failed) or "none",
            seed=self.seed,
            python=platform.python_version(),
            system=f"{platform.system()} {platform.machine()}",
            kill_rows="\n".join([*rows, _row("all", kills)]),
            other_rows="\n".join(others),
            **{name: version(name) for name in ("dvc", "prefect", "mlflow", "torch")},
        )
        if self.failed:
            page += "\n## Failed\n\n" + "".join(f"- `{name}`\n" for name in sorted(self.failed))
        return page


def _row(kind: str, entries: list[tuple[float, bool, bool]]) -> str:
    quarters = Counter(min(int(moment * 4), 3) for moment, hit, _ in entries if hit)
    shares = " | ".join(str(quarters[number]) for number in range(4))
    hit, passed = (sum(entry[place] for entry in entries) for place in (1, 2))
    return f"| {kind} | {len(entries)} | {hit} | {shares} | {passed} |"
