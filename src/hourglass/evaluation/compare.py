"""Rank variants by what was measured on selection."""

from dataclasses import dataclass
from typing import Any, Literal

from hourglass.errors import HourglassError

#: Whether a larger value is better.
LARGER_IS_BETTER = {"auroc": True, "relative_error": False}

Metric = Literal["auto", "auroc", "relative_error"]

#: Metrics of the evaluation that have an interval.
_TABLED = ("mse", "relative_error", "auroc", "average_precision", "false_alarm_rate", "detection_rate")


@dataclass(frozen=True)
class Leaderboard:
    """The variants, best first.

    Parameters
    ----------
    metric : str
        What ranks them, measured on selection.
    ranking : tuple of str
        Variants that may win.
    refused : dict of str to list of str
        Variants that may not, and why.
    """

    metric: str
    ranking: tuple[str, ...]
    refused: dict[str, list[str]]

    @property
    def winner(self) -> str | None:
        """The best variant; None where every one was refused."""
        return self.ranking[0] if self.ranking else None

    def content(self) -> dict[str, Any]:
        """Describe the leaderboard as JSON."""
        return {
            "metric": self.metric,
            "larger_is_better": LARGER_IS_BETTER[self.metric],
            "ranking": list(self.ranking),
            "refused": self.refused,
            "winner": self.winner,
        }


def rank(evaluations: dict[str, dict[str, Any]], metric: Metric) -> Leaderboard:
    """Rank variants; one with failed guards can't win. Equal values keep the order of the variants.

    By ``relative_error``, a code as wide as a row comes after all others: to copy is no achievement.

    Parameters
    ----------
    evaluations : dict of str to dict
        By variant, as `evaluate` gives them.
    metric : str
        ``auto`` is ``auroc`` where labels exist, else ``relative_error``.

    Raises
    ------
    HourglassError
        ``auroc`` is asked for and selection holds no labelled anomalies.
    """
    labelled = all("auroc" in found["selection"]["model"] for found in evaluations.values())
    if metric == "auroc" and not labelled:
        raise HourglassError(
            "params.yaml: select.metric is 'auroc', but selection holds no labelled anomalies; set data.label with "
            "data.normal or data.anomalous, or select.metric: relative_error."
        )
    chosen = metric if metric != "auto" else "auroc" if labelled else "relative_error"
    refused = {variant: found["failures"] for variant, found in evaluations.items() if found["failures"]}
    sign = -1 if LARGER_IS_BETTER[chosen] else 1

    def place(variant: str) -> tuple[bool, float]:
        found = evaluations[variant]
        copies = chosen == "relative_error" and found["latent"] > found["pca_components"]
        return copies, sign * found["selection"]["model"][chosen]

    ranking = sorted((variant for variant in evaluations if variant not in refused), key=place)
    return Leaderboard(chosen, tuple(ranking), refused)


def summary(found: dict[str, Any], best_epochs: list[dict[str, Any]]) -> dict[str, Any]:
    """Choose the numbers that are tracked from run to run.

    Parameters
    ----------
    found : dict
        As `evaluate` gives it.
    best_epochs : list of dict
        Of each course of the training, the record of the epoch whose weights were kept: validation terms stay apart.

    Returns
    -------
    dict
        ``validation``, ``selection`` and ``test``, each name to number.
    """
    measured = {
        split: {name: found[split]["model"][name] for name in _TABLED if name in found[split]["model"]}
        for split in ("selection", "test")
    }
    validation = {name: value for record in best_epochs for name, value in record["validation"].items()}
    posterior = {name: found["posterior"][name] for name in ("kl", "active_units") if name in found["posterior"]}
    return {
        "validation": validation | {"epoch": best_epochs[0]["epoch"]},
        "selection": measured["selection"] | posterior,
        "test": measured["test"],
    }
