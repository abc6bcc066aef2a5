"""The model card of a registered version, as Markdown, from one template.

Source: Mitchell et al. 2019, "Model Cards for Model Reporting".
"""

from collections.abc import Iterator, Mapping

from jinja2 import Environment

from hourglass.files import read_json
from hourglass.params import Params
from hourglass.project import Project
from hourglass.registry.provenance import Provenance
from hourglass.report import gather, templates, words
from hourglass.report.facts import Alarm, Estimate, Variant
from hourglass.report.variants import description
from hourglass.runtime.conditioning import Conditioning

#: Characters that a registry keeps, at most.
LONGEST = 5000
#: Scores whose prototypes are rows, or codes and residuals, which the decoder makes rows of.
_HOLDS_ROWS = ("memory", "neighbours", "blend")
_METRICS = {
    "auroc": "AUROC",
    "average_precision": "Average precision",
    "relative_error": "Squared error / PCA's",
    "mse": "Mean squared error",
    "false_alarm_rate": "False-alarm rate",
    "detection_rate": "Detection rate",
}


def card(project: Project, params: Params, variant: str, name: str, number: int, tags: Mapping[str, str]) -> str:
    """Write the card of a version.

    Parameters
    ----------
    project : Project
        Its stages have run.
    params : Params
    variant : str
    name : str
        What it is registered as.
    number : int
        The version.
    tags : mapping
        Of the version: what it was made from.

    Returns
    -------
    str
        Markdown of at most `LONGEST` characters; the same for the same version.
    """
    facts = gather.collect(project, params, None)
    (found,) = (one for one in facts.variants if one.name == variant)
    (alarm,) = (one for one in facts.alarms if one.variant == variant)
    about, source = description(variant)
    provenance = Provenance.read(tags)
    return (
        _environment()
        .get_template("card.md")
        .render(
            name=name,
            number=number,
            uri=f"models:/{name}/{number}",
            variant=found,
            about=about,
            source=source,
            data=facts.data,
            shape=words.shape(facts.data),
            columns=words.listed(facts.data.features),
            anomalous=words.listed([one.name for one in facts.data.classes if one.anomalous]),
            normaliser=words.normaliser(facts.data),
            split=params.split,
            settings=_settings(found),
            score=words.SCORES[found.score],
            members=found.evaluation.get("ensemble", {}).get("members", 1),
            denoises=found.model["settings"].get("corruption"),
            told=_told(project, found),
            measured=list(_measured(found)),
            alarm=alarm,
            limits=list(_limits(found, alarm)),
            tags=tags,
            commit=provenance.commit or "unknown: the code was in no git repository",
            dirty=bool(provenance.dirty),
        )
    )


def _environment() -> Environment:
    environment = templates.environment(html=False)
    environment.filters["cell"] = _cell  # it makes text of the data harmless
    return environment


def _cell(text: str) -> str:
    """Make text of the data stand in a line of a table: no markup, no bar, no line break."""
    harmless = str(text).replace("\\", "\\\\").replace("&", "&amp;").replace("<", "&lt;")
    for sign in "|`*_[]":
        harmless = harmless.replace(sign, f"\\{sign}")
    return " ".join(harmless.split())


def _settings(variant: Variant) -> str:
    return ", ".join(
        f"{name} {value}" for name, value in sorted(variant.model["settings"].items()) if value is not None
    )


def _told(project: Project, variant: Variant) -> str:
    """Name what a conditional model is told; nothing of another."""
    told = read_json(project.output("package", variant.name) / "config.json")["condition"]
    return words.listed(Conditioning.from_config(told).names) if told else ""


def _measured(variant: Variant) -> Iterator[tuple[str, list[str]]]:
    """Lay out each metric on selection, on test, and of PCA on test."""
    selection, test = (variant.evaluation[split] for split in ("selection", "test"))
    for name, title in _METRICS.items():
        if name in test["model"]:
            yield title, [_estimate(found, name) for found in (selection["model"], test["model"], test["pca"])]


def _estimate(found: Mapping[str, float], name: str) -> str:
    if name not in found:
        return ""
    if f"{name}_low" not in found:
        return words.number(found[name])
    estimate = Estimate(found[name], found[f"{name}_low"], found[f"{name}_high"])
    return f"{words.number(estimate.value)} [{words.interval(estimate)}]"


def _limits(variant: Variant, alarm: Alarm) -> Iterator[str]:
    """Say where numbers and promise end."""
    if alarm.nominal:
        yield f"The promised rate is nominal, for {words.NOMINAL[alarm.calibrated_on]}."
    yield (
        "The promise holds for normal rows that are exchangeable with those of calibration, on average over them; not "
        "for each group of rows, and not once the data has drifted."
    )
    test = variant.evaluation["test"]
    if test["model"]["relative_error"] > 1:
        yield "PCA of the same width rebuilds normal rows of test better."
    if "auroc" in test["pca"] and test["pca"]["auroc"] > test["model"]["auroc"]:
        yield "By its error, PCA of the same width tells anomalies of test better."
    yield "A row with a missing or infinite value that nothing fills is flagged as invalid, never called normal."
    if variant.score in _HOLDS_ROWS:
        yield "For its score the package holds training rows, or centres of them: whoever has it can read them."
    yield from (f"{alarm}." for alarm in variant.evaluation["alarms"])
