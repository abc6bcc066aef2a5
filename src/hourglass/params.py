"""Every setting of ``params.yaml``, typed and bounded.

A variant's section is derived from the signature of its class, the loop's from `TrainSettings`; those of the data
stand in `hourglass.data.params`. Nothing is declared twice. Reading the file imports no model: a variant's section is
checked by `Params.settings_of`, which does.
"""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from hourglass import models, scores
from hourglass.data.params import DataParams, SplitParams, kind_settings
from hourglass.data.settings import KINDS
from hourglass.errors import HourglassError
from hourglass.sections import Section, checked, section_of, unknown, validated
from hourglass.settings import AUTO
from hourglass.training.settings import TrainSettings
from hourglass.wording import nearest


class AnomalyParams(Section):
    """When a row is called anomalous."""

    alpha: float = Field(0.05, gt=0, lt=1, description="promised share of normal rows that raise an alarm")
    budget: str | None = Field(
        None,
        pattern=r"^\d+(\.\d+)? per (\d+ rows|day)$",
        description="instead of alpha, false alarms that are affordable: `5 per 1000 rows`, of series `2 per day`",
    )
    calibrated_on: Literal["auto", "clean", "contaminated"] = Field(
        "auto", description="what rows are that no label calls anomalous; auto: clean with labels, unlabelled without"
    )
    score: str = Field(AUTO, description="how anomalous a row is; auto: the one that decisions 38 and 47 chose")

    @field_validator("score")
    @classmethod
    def _there(cls, score: str) -> str:
        if score not in {AUTO, *scores.names()}:
            raise ValueError(f"there is no score {score!r}; {nearest(score, (AUTO, *scores.names()))}")
        return score


class EvaluateParams(Section):
    """How results are measured."""

    bootstrap: int = Field(1000, ge=100, le=100_000, description="resamples behind a confidence interval")
    map_rows: int = Field(2000, ge=50, le=100_000, description="rows on the latent map, at most")
    bound_rows: int = Field(256, ge=16, le=1_000_000, description="rows that log p(x) is bounded on, at most")
    bound_draws: int = Field(1000, ge=1, le=100_000, description="importance-weighted draws of each behind that bound")


class SelectParams(Section):
    """Which variant is best."""

    metric: Literal["auto", "auroc", "relative_error"] = Field(
        "auto", description="auto: auroc on selection where labels exist, else squared error relative to PCA's"
    )


class RegistryParams(Section):
    """Where the best variant is registered, and when it becomes champion."""

    name: str = Field("hourglass", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", description="one name per data set")
    margin: float = Field(
        0.01, ge=0, le=1, description="how much worse the same variant on newer data may be (metric's units)"
    )
    confidence: float = Field(0.95, gt=0.5, lt=1, description="confidence of the paired bootstrap at the gate")


class RunParams(Section):
    """How the flow runs."""

    slots: int = Field(2, ge=1, le=256, description="stages that run at once")
    gpus: int | None = Field(
        None, ge=1, description="GPUs that trainings take up at once, on all machines together; null: those found here"
    )


class SweepParams(Section):
    """What `hourglass sweep` tries, and by what it chooses."""

    trials: int = Field(30, ge=1, le=100_000, description="settings to try, those that stand here among them")
    metric: Literal["monitor", "select"] = Field(
        "monitor",
        description="monitor: the lowest of each training, on validation; select: select.metric, on selection",
    )
    prune: bool = Field(True, description="monitor: whether trainings worse than the median of others end early")
    cron: str | None = Field(None, description="when the deployed sweep runs, as `schedule.cron`; null: only by hand")
    space: dict[str, Any] = Field(
        default_factory=dict,
        description="dotted names of settings to a list of values, or to {low: , high: , log: } of numbers",
    )


class MonitorParams(Section):
    """What `hourglass monitor` calls drift, and what the deployed monitoring watches."""

    alpha: float = Field(
        0.01, gt=0, lt=1, description="probability that a batch of rows like the calibration's is called drift"
    )
    source: str | None = Field(
        None,
        description="folder of batches, each a file of rows or a folder of scores; null: `score.output`",
    )
    cron: str | None = Field(None, description="when new batches are looked at, as `schedule.cron`; null: only by hand")


class ScoreParams(Section):
    """Which files the deployed scoring judges by the champion."""

    source: str | None = Field(None, description="folder whose files are scored; relative to the project's")
    output: str = Field("scores", description="folder of the scores, for each file a folder of shards of its name")
    cron: str | None = Field(None, description="when new files are scored, as `schedule.cron`; null: only by hand")


class ScheduleParams(Section):
    """When the deployed flow retrains by itself."""

    cron: str | None = Field(
        "0 3 * * *", description="minute, hour, day, month, weekday; null: only on new data and by hand"
    )
    timezone: str = Field("UTC", description="IANA name of the zone that `cron` is meant in, `Europe/Berlin` for one")

    @field_validator("timezone")
    @classmethod
    def _known(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"there is no time zone {zone!r}; `Europe/Berlin` and `UTC` are two") from None
        return zone


class Params(Section):
    """All of ``params.yaml``. ``sections`` holds the variants' settings as they stand in the file."""

    seed: int = Field(0, ge=0, lt=2**63, description="seeds weights, order of rows and noise")
    variants: list[str] = Field(min_length=1, description="what is trained, evaluated and compared")
    data: DataParams = DataParams()
    split: SplitParams = SplitParams()
    train: TrainSettings = TrainSettings()
    anomaly: AnomalyParams = AnomalyParams()
    evaluate: EvaluateParams = EvaluateParams()
    select: SelectParams = SelectParams()
    registry: RegistryParams = RegistryParams()
    run: RunParams = RunParams()
    sweep: SweepParams = SweepParams()
    schedule: ScheduleParams = ScheduleParams()
    score: ScoreParams = ScoreParams()
    monitor: MonitorParams = MonitorParams()
    sections: dict[str, dict[str, Any]] = Field(default_factory=dict, exclude=True)

    def settings_of(self, variant: str) -> dict[str, Any]:
        """Validate the section of one variant.

        Returns
        -------
        dict
            Every setting of the variant, defaults filled in.

        Raises
        ------
        HourglassError
            A key is unknown or a value out of bounds.
        """
        return checked(models.get(variant), self.sections[variant], variant)

    def with_settings(self, settings: Mapping[str, Any]) -> Self:
        """Change settings of the loop and of variants, by their dotted names: ``{"vae.latent": 4}``.

        Raises
        ------
        HourglassError
            There is no such setting, or a value is out of bounds.
        """
        loop: dict[str, Any] = {}
        sections = {variant: dict(section) for variant, section in self.sections.items()}
        for key, value in settings.items():
            part, _, name = key.partition(".")
            (loop if part == "train" else sections[part])[name] = value
        train = section_of(TrainSettings, asdict(self.train) | loop, "train")
        changed = self.model_copy(update={"train": train, "sections": sections})
        for variant in {key.partition(".")[0] for key in settings} & set(sections):
            changed.settings_of(variant)
        return changed

    def check(self) -> Self:
        """Validate the sections of all listed variants (this imports them), and what sections say of each other."""
        gpus, needed = self.run.gpus, self.train.devices
        if self.train.device != "cpu" and gpus is not None and gpus < needed:
            raise HourglassError(
                f"params.yaml: run.gpus is {gpus}, and train.devices {needed}: no training would ever start; set "
                f"run.gpus: {needed} or more, or null."
            )
        for variant in self.variants:
            self.settings_of(variant)
        return self


def check_name(name: str) -> None:
    """Refuse what can't be a registered name.

    Raises
    ------
    HourglassError
        It has other characters than letters, digits, ``_``, ``.`` and ``-``.
    """
    validated(RegistryParams, {"name": name}, "registry.")


def load(path: Path) -> Params:
    """Read and check ``params.yaml``.

    Raises
    ------
    HourglassError
        The file is missing or no YAML, a key is unknown, a value is out of bounds or a variant doesn't exist.
    """
    content = _read(path)
    for key in content:
        if key not in {*_CORE, *models.names()}:
            raise HourglassError(unknown(str(key), [*_CORE, *models.names()]))
    sections = {key: content.pop(key) for key in list(content) if key in models.names()}
    train = section_of(TrainSettings, content.pop("train", {}), "train")
    kinds: dict[str, Any] = {}
    if isinstance(content.get("data"), dict):
        content["data"] = dict(content["data"])
        kinds = {kind: kind_settings(kind, content["data"].pop(kind, {})) for kind in KINDS}
    params = validated(Params, content)
    _check_variants(params.variants, sections)
    data = params.data.model_copy(update=kinds)
    return params.model_copy(update={"train": train, "sections": sections, "data": data})


def _check_variants(listed: list[str], sections: dict[str, Any]) -> None:
    for place, variant in enumerate(listed):
        if variant in models.ALIASES:
            raise HourglassError(
                f"params.yaml: variants[{place}] is {variant!r}, another name of "
                f"{models.ALIASES[variant]!r}; list that."
            )
        if variant not in models.names():
            raise HourglassError(
                f"params.yaml: variants[{place}] is {variant!r}; there is no such variant, "
                f"{nearest(variant, models.names())}"
            )
    bare = [variant for variant in listed if not isinstance(sections.get(variant), dict)]
    if bare:
        raise HourglassError(
            f"params.yaml: {', '.join(map(repr, bare))} listed in variants without a section; for defaults add "
            + " and ".join(f"`{variant}: {{}}`" for variant in bare)
            + "."
        )
    if len(set(listed)) < len(listed):
        raise HourglassError("params.yaml: variants names a variant twice; list each once.")


def _read(path: Path) -> dict[str, Any]:
    try:
        content = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as missing:
        raise HourglassError(f"{path} is missing; restore it with `git checkout -- params.yaml`.") from missing
    except (YAMLError, UnicodeDecodeError) as broken:
        where = getattr(broken, "problem_mark", None)
        line = f", line {where.line + 1}" if where is not None else ""
        raise HourglassError(f"params.yaml{line}: not valid YAML ({getattr(broken, 'problem', broken)}).") from broken
    if not isinstance(content, dict):
        raise HourglassError("params.yaml must hold keys with values, `seed: 0` for one; it holds none.")
    return content


_CORE = tuple(name for name in Params.model_fields if name != "sections")
