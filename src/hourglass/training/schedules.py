"""What changes with the step: the learning rate and the weight of the KL."""

from math import cos, pi

from hourglass.training.settings import TrainSettings


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

    def lr(self, step: int) -> float:
        """Learning rate: a linear warm-up, then constant or half a cosine down to 0 (Loshchilov & Hutter 2017)."""
        warmup = self.settings.warmup * self.total_steps
        if step < warmup:
            return self.settings.lr * (step + 1) / (warmup + 1)
        if self.settings.schedule == "constant":
            return self.settings.lr
        share = (step - warmup) / max(self.total_steps - warmup, 1)
        return self.settings.lr * 0.5 * (1 + cos(pi * share))

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
