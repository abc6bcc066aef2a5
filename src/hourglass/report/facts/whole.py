"""The whole report."""

from dataclasses import dataclass

from hourglass.registry.provenance import Provenance
from hourglass.registry.standing import Standing
from hourglass.report.facts.data import Data, Sample
from hourglass.report.facts.ranking import Alarm, Entry
from hourglass.report.facts.sweep import Swept
from hourglass.report.facts.variant import Variant


@dataclass(frozen=True)
class Facts:
    """The whole report.

    Parameters
    ----------
    name : str
        What models of this data are registered as.
    metric : str
        What ranks the variants, on selection.
    larger_is_better : bool
    leaderboard : tuple of Entry
        Ranked variants, refused ones, baselines.
    alarms : tuple of Alarm
    variants : tuple of Variant
        In the order of the leaderboard.
    data : Data
    sample : Sample
    sweeps : tuple of Swept
        The last of each variant that has one.
    standing : Standing or None
        None where nothing is known of the registry.
    provenance : Provenance
    keys : dict of str to str
        Of the stages that are there once.
    """

    name: str
    metric: str
    larger_is_better: bool
    leaderboard: tuple[Entry, ...]
    alarms: tuple[Alarm, ...]
    variants: tuple[Variant, ...]
    data: Data
    sample: Sample
    sweeps: tuple[Swept, ...]
    standing: Standing | None
    provenance: Provenance
    keys: dict[str, str]

    @property
    def winner(self) -> Entry | None:
        """The first of the ranked; None where every variant was refused."""
        return next((entry for entry in self.leaderboard if entry.rank == 1), None)

    @property
    def copiers(self) -> list[str]:
        """Variants that rank last, however small their error, because their codes are as wide as a row."""
        if self.metric != "relative_error":
            return []
        found = ((variant.name, variant.evaluation) for variant in self.variants)
        return [name for name, measured in found if measured["latent"] > measured["pca_components"]]
