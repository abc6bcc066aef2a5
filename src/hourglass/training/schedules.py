"""What changes with the step: the learning rate and the weight of the KL."""

from math import cos, pi

from hourglass.training.settings import TrainSettings

#: How far below its peak a single cycle starts, and how much further down it ends (Smith & Topin 2019 stay within "a
#: factor of 10 or 20" and "several orders of magnitude").
_CYCLE_START, _CYCLE_END = 25, 10_000
#: What a plateau leaves of the learning rate.
_LOWERED = 0.1


class Schedules:
    """Values by step, as fractions of all steps, so that they fit data of any size.

    Parameters
    ----------
    settings : TrainSettings
    total_steps : int
        Steps of a training that runs through all its epochs.
    """

    def __init__(self, settings: TrainSettings, total_steps: int) -> None:
        self.settings = settings
        self.total_steps = total_steps

    def lr(self, step: int, lowered: int = 0) -> float:
        """Learning rate: a linear warm-up, then constant, half a cosine down to 0, one cycle, or lower at plateaus.

        The cosine is that of Loshchilov & Hutter 2017. The cycle is that of Smith & Topin 2019, "Super-convergence":
        half a cosine up over the warm-up, and one down to far below the start.

        Parameters
        ----------
        step : int
        lowered : int
            Times that the monitor has stopped improving, which only `plateau` heeds.
        """
        peak, warmup = self.settings.lr, self.settings.warmup * self.total_steps
        if self.settings.schedule == "one_cycle":
            return self._cycle(step)
        if step < warmup:
            return peak * (step + 1) / (warmup + 1)
        if self.settings.schedule == "cosine":
            return _eased(peak, 0.0, (step - warmup) / max(self.total_steps - warmup, 1))
        return peak * _LOWERED**lowered if self.settings.schedule == "plateau" else peak

    def _cycle(self, step: int) -> float:
        peak, start = self.settings.lr, self.settings.lr / _CYCLE_START
        top, end = max(self.settings.warmup * self.total_steps - 1, 0.0), self.total_steps - 1
        if step < top:
            return _eased(start, peak, step / top)
        return _eased(peak, start / _CYCLE_END, (step - top) / max(end - top, 1))

    def kl_weight(self, step: int) -> float:
        """Weight of KL terms: a linear warm-up from 0 to 1 (Bowman et al. 2016), once or in cycles (Fu et al. 2019)."""
        if not self.settings.kl_warmup:
            return 1.0
        cycle = self.total_steps / self.settings.kl_cycles
        before = min(step // cycle, self.settings.kl_cycles - 1)
        return min(1.0, (step - before * cycle) / (self.settings.kl_warmup * cycle))

    @property
    def warm(self) -> float:
        """Share of all steps after which the KL keeps its full weight."""
        if not self.settings.kl_warmup:
            return 0.0
        return (self.settings.kl_cycles - 1 + self.settings.kl_warmup) / self.settings.kl_cycles

    def frozen(self, step: int) -> tuple[str, ...]:
        """Name the parts of a variant that stand still: its encoder, its decoder with the likelihood, or none.

        He et al. 2019, "Lagging inference networks and posterior collapse", let the encoder take steps of its own while
        the rest waits, early in training, so that codes tell something before the decoder learns to do without.
        """
        if step < self.settings.freeze_encoder * self.total_steps:
            return ("encoder",)
        if step < self.settings.freeze_decoder * self.total_steps:
            return ("decoder", "likelihood")
        return ()

    @property
    def thawed(self) -> float:
        """Share of all steps after which nothing stands still."""
        return max(self.settings.freeze_encoder, self.settings.freeze_decoder)


def _eased(start: float, end: float, share: float) -> float:
    """Go from one number to another along half a cosine."""
    return end + (start - end) * 0.5 * (1 + cos(pi * share))
