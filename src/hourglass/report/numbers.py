"""The numbers of a report as JSON."""

from dataclasses import asdict
from typing import Any

from hourglass.registry.standing import Standing, Version
from hourglass.report.facts import Facts, Swept, Variant


def numbers(facts: Facts) -> dict[str, Any]:
    """Give the numbers of the report as JSON."""
    data = facts.data
    return {
        "name": facts.name,
        "metric": facts.metric,
        "larger_is_better": facts.larger_is_better,
        "leaderboard": [asdict(entry) for entry in facts.leaderboard],
        "alarms": [asdict(alarm) | {"holds": alarm.holds} for alarm in facts.alarms],
        "variants": {variant.name: _variant_numbers(variant) for variant in facts.variants},
        "data": {
            "source": data.source,
            "kind": data.kind,
            "shape": list(data.shape),
            "counts": data.counts,
            "classes": [asdict(one) for one in data.classes],
            "dropped": data.dropped,
            "duplicates": data.duplicates,
            "statistics": data.statistics,
            "overview": data.overview,
            "version": data.version,
        },
        "sweeps": {one.about.variant: _sweep_numbers(one) for one in facts.sweeps},
        "standing": _standing_numbers(facts.standing),
        "commit": facts.provenance.commit,
        "dirty": list(facts.provenance.dirty),
        "keys": facts.keys,
    }


def _variant_numbers(variant: Variant) -> dict[str, Any]:
    measured = {name: value for name, value in variant.evaluation.items() if name != "curves"}
    return {
        "evaluation": measured,
        "model": variant.model,
        "code": {course.course: course.code for course in variant.courses},
        "maps": {one.kind: one.numbers for one in variant.latent_maps},
        "keys": variant.keys,
    }


def _sweep_numbers(swept: Swept) -> dict[str, Any]:
    states = {state: swept.count(state) for state in ("complete", "pruned", "failed")}
    return {"name": swept.name, "metric": swept.about.metric, "trials": states, "best": asdict(swept.best)}


def _standing_numbers(standing: Standing | None) -> dict[str, Any] | None:
    if standing is None:
        return None

    def of(version: Version | None) -> dict[str, Any] | None:
        return (
            asdict(version) | {"created": version.created.isoformat(), "split": version.split.model_dump()}
            if version
            else None
        )

    return {
        "champion": of(standing.champion),
        "newest": of(standing.newest),
        "verdict": standing.verdict,
        "previous": standing.previous,
    }
