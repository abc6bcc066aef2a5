"""The settings of the training loop."""

from dataclasses import dataclass
from typing import Annotated, Literal

from hourglass.errors import HourglassError
from hourglass.settings import Setting

Augmentation = Literal["flip", "flip_vertical", "shift", "scale", "invert", "noise", "swap", "binarise"]
Precision = Literal["float32", "bfloat16"]


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """Everything the loop can be told; the same for every variant."""

    device: Annotated[Literal["auto", "cpu", "cuda"], Setting("where to train; auto takes a GPU if there is one")] = (
        "auto"
    )
    devices: Annotated[int, Setting("GPUs, or processes on a CPU, that share every batch", ge=1, le=1024)] = 1
    threads: Annotated[int, Setting("CPU threads; part of the fingerprint, for bits depend on it", ge=1, le=1024)] = 1
    precision: Annotated[Precision, Setting("of nets in training; weights, losses and all measures are float32")] = (
        "float32"
    )
    deterministic: Annotated[
        bool, Setting("whether the same inputs give the same bits on a GPU, too, which may take longer")
    ] = True
    epochs: Annotated[int, Setting("passes over the training rows, at most", ge=1, le=1_000_000)] = 200
    batch: Annotated[int, Setting("rows per step", ge=1, le=1_000_000)] = 128
    lr: Annotated[float, Setting("peak learning rate of Adam", gt=0, le=10)] = 1e-3
    weight_decay: Annotated[float, Setting("decoupled weight decay (AdamW)", ge=0, le=1)] = 0.0
    clip: Annotated[float | None, Setting("largest norm of the gradient; null: no clipping", gt=0)] = None
    schedule: Annotated[
        Literal["constant", "cosine", "one_cycle", "plateau"],
        Setting("learning rate after its warm-up; one_cycle: up over the warm-up (0.3 is usual) and down"),
    ] = "cosine"
    warmup: Annotated[float, Setting("share of all steps over which the learning rate rises", ge=0, lt=1)] = 0.05
    plateau: Annotated[
        int, Setting("epochs without a better monitor before schedule: plateau takes a tenth of the rate", ge=1)
    ] = 10
    kl_warmup: Annotated[float, Setting("share of all steps (of a cycle) that the KL's weight rises", ge=0, le=1)] = 0.2
    kl_cycles: Annotated[
        int, Setting("times that the KL's weight rises, over equal shares of all steps", ge=1, le=1000)
    ] = 1
    freeze_encoder: Annotated[
        float, Setting("share of all steps, at the start, that leave the encoder", ge=0, lt=1)
    ] = 0.0
    freeze_decoder: Annotated[
        float, Setting("share of all steps, at the start, that leave the decoder", ge=0, lt=1)
    ] = 0.0
    augment: Annotated[
        list[Augmentation] | None, Setting("what is done to rows in training alone, in this order; null: nothing")
    ] = None
    patience: Annotated[int, Setting("epochs without a better monitor before training stops", ge=1)] = 30
    auto_epochs: Annotated[
        float, Setting("share of the epochs that each width gets where a variant has latent: auto", gt=0, le=1)
    ] = 0.25
    auto_gain: Annotated[
        float, Setting("share of the held-out error that a wider code must save, for latent: auto", gt=0, lt=1)
    ] = 0.1
    ensemble: Annotated[
        int, Setting("nets, each under a seed of its own, that make one model: its score is their mean", ge=1, le=64)
    ] = 1
    checkpoint_seconds: Annotated[float, Setting("time between two checkpoints, at least", ge=0)] = 5.0

    def __post_init__(self) -> None:
        if self.freeze_encoder and self.freeze_decoder:
            raise HourglassError(
                "params.yaml: train.freeze_encoder and train.freeze_decoder are both above 0, so the first steps would "
                "move nothing; set one of them to 0."
            )
        if self.batch < self.devices:
            raise HourglassError(
                f"params.yaml: train.batch is {self.batch}, and train.devices {self.devices} share its rows; set "
                f"train.batch: {self.devices} or more."
            )
        if self.schedule == "plateau" and self.plateau >= self.patience:
            raise HourglassError(
                f"params.yaml: train.plateau is {self.plateau} and train.patience {self.patience}, so training would "
                "stop before its rate is lowered; set a smaller train.plateau or a larger train.patience."
            )
