"""Every setting of ``params.yaml``, typed and bounded.

A variant's section is derived from the signature of its class, the loop's from `TrainSettings`; nothing is declared
twice. Reading the file imports no model: a variant's section is checked by `Params.settings_of`, which does.
"""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import ByteSize, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from hourglass import models, scores
from hourglass.data.settings import KINDS, AudioSettings, ColumnSettings, ImageSettings, SignalSettings, TableSettings
from hourglass.errors import HourglassError
from hourglass.sections import Section, checked, section_of, unknown, validated
from hourglass.settings import AUTO
from hourglass.training.settings import TrainSettings
from hourglass.wording import nearest

SPLITS = ("train", "validation", "calibration", "selection", "test")


class DataParams(Section):
    """What the raw snapshot is and which of its rows are normal."""

    source: str = Field("digits", description="where `hourglass data` took the snapshot from")
    label: str | None = Field(None, description="column or array that tells normal from anomalous")
    normal: list[str | int | bool] | None = Field(None, description="labels of normal rows")
    anomalous: list[str | int | bool] | None = Field(None, description="labels of anomalous rows, instead of `normal`")
    columns: dict[str, ColumnSettings] = Field(
        default_factory=dict, description="columns of a table that are not what they look like"
    )
    condition: list[str] = Field(
        default_factory=list,
        description="columns, or an array, that a conditional variant is told of a row; the label may be one",
    )
    pair: str | None = Field(
        None, description="the folder whose images, of the same names, are the array `pair` of the source's"
    )
    derive: Literal["edges", "night"] | None = Field(
        None, description="an array made of each image, beside it under this name: its edges, or how it looks at night"
    )
    normalise: Literal["auto", "standard", "minmax", "none"] = Field(
        "auto",
        description="auto: minmax over all pixels for images, none for spectrograms, standard for the rest",
    )
    max_invalid: float = Field(0.01, ge=0, le=1, description="share of rows with missing or infinite values to drop")
    memory: ByteSize = Field(ByteSize(2**30), ge=2**28, description="bytes of rows that are held at once: `512 MiB`")
    table: TableSettings = Field(TableSettings(), description="how tables are read")
    image: ImageSettings = Field(ImageSettings(), description="how images are read")
    signal: SignalSettings = Field(SignalSettings(), description="how series are read")
    audio: AudioSettings = Field(AudioSettings(), description="how recordings are read")

    @field_validator("columns", mode="before")
    @classmethod
    def _columns(cls, columns: Any) -> Any:
        return {name: _column(name, one) for name, one in columns.items()} if isinstance(columns, dict) else columns

    @property
    def types(self) -> dict[str, str]:
        """The types that are set of columns."""
        return {name: column.type for name, column in self.columns.items() if column.type != "auto"}

    @model_validator(mode="after")
    def _one_side(self) -> Self:
        if self.label is None and (self.normal is not None or self.anomalous is not None):
            raise ValueError("`normal` and `anomalous` need `label`, the column that they are values of")
        if self.label is not None and (self.normal is None) == (self.anomalous is None):
            raise ValueError("`label` needs exactly one of `normal` and `anomalous`, a list of its values")
        return self


class SplitParams(Section):
    """How rows are divided; shares are of the normal rows."""

    by: Literal["hash", "group", "time", "given"] = Field("hash", description="what decides the split of a row")
    column: str | None = Field(None, description="the column that `group`, `time` and `given` go by")
    salt: int = Field(0, description="another number gives another split")
    train: float = Field(0.6, gt=0, lt=1, description="share that nets are fitted on")
    validation: float = Field(0.1, gt=0, lt=1, description="share that decides early stopping")
    calibration: float = Field(0.1, gt=0, lt=1, description="share that sets the threshold")
    selection: float = Field(0.1, gt=0, lt=1, description="share that decides ranking and promotion")
    test: float = Field(0.1, gt=0, lt=1, description="share that is reported and chooses nothing")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if abs(sum(self.shares) - 1) > 1e-9:
            raise ValueError(f"the five shares must sum to 1, not {sum(self.shares):g}")
        if (self.by == "hash") != (self.column is None):
            raise ValueError("`column` goes with `by: group`, `time` or `given`, and they with it")
        return self

    @property
    def shares(self) -> tuple[float, ...]:
        """Shares of the splits, in the order of `SPLITS`."""
        return (self.train, self.validation, self.calibration, self.selection, self.test)


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


def kind_settings(kind: str, given: dict[str, Any]) -> Any:
    """Check settings of a kind of data, ``data.KIND``; those that aren't given have their defaults.

    Raises
    ------
    HourglassError
        A setting is unknown or out of bounds.
    """
    return section_of(KINDS[kind], given, f"data.{kind}")


def changed_settings(settings: Any) -> dict[str, Any]:
    """Give the settings of a kind of data that aren't as by default."""
    return {key: value for key, value in asdict(settings).items() if value != getattr(type(settings)(), key)}


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


def _column(name: str, content: Any) -> ColumnSettings:
    """Check what is said of a column: its type, or a section."""
    if isinstance(content, ColumnSettings):
        return content
    key = f"data.columns.{name}"
    section = {"type": content} if isinstance(content, str) else content
    try:
        return section_of(ColumnSettings, section, key)
    except HourglassError as wrong:
        sentence = str(wrong).replace(f"{key}.type", key) if section is not content else str(wrong)
        raise PydanticCustomError("sentence", "{sentence}", {"sentence": sentence}) from wrong


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
        if not isinstance(sections.get(variant), dict):
            raise HourglassError(
                f"params.yaml: variant {variant!r} is listed but has no section; add `{variant}: {{}}` "
                "for its defaults."
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
