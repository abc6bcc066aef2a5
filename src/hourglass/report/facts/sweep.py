"""The sweep of a variant."""

from dataclasses import dataclass

from hourglass.sweep.records import About, Trial


@dataclass(frozen=True)
class Swept:
    """The sweep of a variant on the data of the report.

    Parameters
    ----------
    name : str
        What it is found by.
    about : About
    trials : list of Trial
        In their order.
    best : Trial
    """

    name: str
    about: About
    trials: list[Trial]
    best: Trial

    @property
    def complete(self) -> list[Trial]:
        """Those with a value, the best first."""
        sign = -1 if self.about.larger_is_better else 1
        valued = [(sign * trial.value, trial.number, trial) for trial in self.trials if trial.value is not None]
        return [trial for *_, trial in sorted(valued)]

    def count(self, state: str) -> int:
        """Count the trials that ended in a state."""
        return sum(trial.state == state for trial in self.trials)
