"""What the report says of anomalies of each class, of those of series, and of where images are anomalous."""

from dataclasses import dataclass
from typing import Any

from hourglass.report.facts import Estimate, Facts, Variant


@dataclass(frozen=True)
class OfClass:
    """An anomalous class against the normal rows of test."""

    name: str
    rows: int
    auroc: Estimate
    detected: Estimate


@dataclass(frozen=True)
class InTime:
    """The anomalies of series, in the order of time.

    Parameters
    ----------
    vus_pr : dict of str to float
        Of the variant and of its baselines.
    events : int
        Labelled stretches of test.
    recall : Estimate
        Share of these that hold an alarm.
    false_alarms : float
        A day.
    """

    vus_pr: dict[str, float]
    events: int
    recall: Estimate
    false_alarms: float


@dataclass(frozen=True)
class Pixels:
    """How well maps of images show where these are anomalous.

    Parameters
    ----------
    images, masked, without_mask : int
        Images of test that were measured, those of them with a mask, and anomalies that have none.
    auroc : Estimate
        Of the pixels.
    overlap, recall : float
        `region_overlap` and `region_recall`.
    rivals : list of (str, float, float)
        Name, AUROC of the pixels and `region_overlap` of what stands beside.
    """

    images: int
    masked: int
    without_mask: int
    auroc: Estimate
    overlap: float
    recall: float
    rivals: list[tuple[str, float, float]]


@dataclass(frozen=True)
class Strange:
    """A row with a high score, and the places that it comes from with their shares."""

    row: int
    label: str
    score: float
    reasons: list[tuple[str, float]]


def of(facts: Facts, variant: Variant) -> dict[str, Any]:
    """Give what there is to say of anomalies.

    Returns
    -------
    dict
        ``classes``, the hardest first and only where there are several; ``series``, None of other kinds; ``pixels``,
        None without masks; and ``strangest``, but of images, which have maps.
    """
    classes = [_of_class(name, one) for name, one in variant.evaluation.get("classes", {}).items()]
    classes.sort(key=lambda one: one.auroc.value)
    series = variant.evaluation.get("series")
    strangest = [] if facts.data.kind == "image" else [_strange(facts, one) for one in variant.evaluation["strangest"]]
    return {
        "classes": classes if len(classes) > 1 else [],
        "series": series and _in_time(series),
        "pixels": _pixels(variant.evaluation.get("pixels")),
        "strangest": strangest,
    }


def _pixels(found: dict[str, Any] | None) -> Pixels | None:
    if found is None:
        return None
    own = found["model"]
    auroc = Estimate.of(own, "pixel_auroc")
    assert auroc is not None  # noqa: S101
    rivals = [
        (title, found[name]["pixel_auroc"], found[name]["region_overlap"])
        for name, title in (("pca", "PCA"), ("untrained", "untrained"))
    ]
    images, masked, without_mask = (found[name] for name in ("images", "masked", "without_mask"))
    return Pixels(images, masked, without_mask, auroc, own["region_overlap"], own["region_recall"], rivals)


def _strange(facts: Facts, found: dict[str, Any]) -> Strange:
    label = facts.data.classes[found["class"]].name if found["class"] >= 0 else ""
    return Strange(found["row"], label, found["score"], [(name, share) for name, share in found["reasons"]])


def _of_class(name: str, measured: dict[str, Any]) -> OfClass:
    auroc, detected = Estimate.of(measured, "auroc"), Estimate.of(measured, "detection_rate")
    assert auroc is not None and detected is not None  # noqa: S101, PT018
    return OfClass(name, measured["rows"], auroc, detected)


def _in_time(series: dict[str, Any]) -> InTime:
    own = series["model"]
    recall = Estimate.of(own, "event_recall")
    assert recall is not None  # noqa: S101
    vus = {name: one["vus_pr"] for name, one in series.items()}
    return InTime(vus, own["events"], recall, own["false_alarms_per_day"])
