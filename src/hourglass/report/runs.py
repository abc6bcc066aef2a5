"""Under which settings numbers were found: what all runs of a report have in common, and what is of one variant."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hourglass.report import words
from hourglass.report.facts import Variant

_STAGES = ("train", "package", "evaluate")


@dataclass(frozen=True)
class Run:
    """What is of one variant.

    Parameters
    ----------
    variant : str
    members : str
        Of an ensemble how many nets it has, and how far they are apart; else empty.
    parameters, epochs, best, steps : str
        Of an ensemble the epochs and steps of its last net, and the best epoch of each.
    settings : dict of str to str
        Those that the other variants don't have, or not like this.
    keys : dict of str to str
        Input keys by stage.
    """

    variant: str
    members: str
    parameters: str
    epochs: str
    best: str
    steps: str
    settings: dict[str, str]
    keys: dict[str, str]


def shared(variants: tuple[Variant, ...]) -> dict[str, str]:
    """Name the settings that are the same in all runs."""
    first, *others = map(_settings, variants)
    return {name: value for name, value in first.items() if all(one.get(name) == value for one in others)}


def of_each(variants: tuple[Variant, ...]) -> list[Run]:
    """Give what is of one variant, in the order of the variants."""
    common = shared(variants)
    return [_run(variant, common) for variant in variants]


def _run(variant: Variant, common: dict[str, str]) -> Run:
    last = variant.courses[-1]
    return Run(
        variant=variant.name,
        members=_members(variant.evaluation.get("ensemble")),
        parameters=_written(variant.model["parameters"]),
        epochs=words.count(last.epoch),
        best=", ".join(words.count(course.best_epoch) for course in variant.courses),
        steps=words.count(last.step),
        settings={name: value for name, value in _settings(variant).items() if name not in common},
        keys={stage: variant.keys.get(f"{stage}@{variant.name}", "") for stage in _STAGES},
    )


def _settings(variant: Variant) -> dict[str, str]:
    return {name: _written(value) for name, value in _named(variant)}


def _named(variant: Variant) -> Iterator[tuple[str, Any]]:
    """Name all that was set: settings of the variant, of the loop, and what a result depends on besides."""
    yield from sorted(variant.model["settings"].items())
    yield from ((f"train.{name}", value) for name, value in sorted(variant.loop.items()))
    yield "seed", variant.model["seed"]
    yield from ((f"fingerprint {name}", value) for name, value in sorted(variant.model["fingerprint"].items()))


def _members(ensemble: dict[str, Any] | None) -> str:
    if ensemble is None:
        return ""
    return f"{ensemble['members']} nets, scores of a normal row apart by {ensemble['relative_spread']:.1%} (median)"


def _written(value: Any) -> str:
    if value is None:
        return "null"
    return words.count(value) if isinstance(value, int) and not isinstance(value, bool) else str(value)
