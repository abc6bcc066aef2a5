"""What the sections of the page of benchmarks are made of: tables in Markdown, and numbers in words."""

from collections.abc import Iterator, Sequence
from statistics import mean, median
from typing import Any


def origin(found: dict[str, Any], words: str, *, ratios: bool = True) -> Iterator[str]:
    """Say what was measured, and by which command, where and when."""
    about = found["about"]
    where = f"{about['machine']}, {about['cores']} cores, Python {about['python']}"
    commit = f", commit {about['commit']}" if about.get("commit") else ""
    told = "; medians, in brackets the least and the largest ratio of a round" if ratios else ""
    yield ""
    yield f"{words} `{about['command']}` ({where}{commit}){told}."
    yield ""


def head(*columns: str, texts: int) -> Iterator[str]:
    """Begin a table, whose first columns are texts and whose others are numbers."""
    yield row(*columns)
    yield f"|{'---|' * texts}{'---:|' * (len(columns) - texts)}"


def row(*cells: str) -> str:
    """Write a row of a table."""
    return f"| {' | '.join(cells)} |"


def if_known(number: float | None, form: str = "g") -> str:
    """Write a number, and nothing where there is none."""
    return "" if number is None else format(number, form)


def spread(ratios: Sequence[float]) -> str:
    """Write the median, in brackets the least and the largest."""
    return f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def around(values: Sequence[float]) -> str:
    """Write the mean, in brackets the least and the largest."""
    return f"{mean(values):.3f} ({min(values):.3f} to {max(values):.3f})"
