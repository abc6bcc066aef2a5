"""What ``params.yaml`` says of the data: what it is, and how its rows are divided.

The settings of each kind are declared in `settings`, and nowhere else.
"""

from dataclasses import asdict
from typing import Any, Literal, Self

from pydantic import ByteSize, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from hourglass.data.settings import KINDS, AudioSettings, ColumnSettings, ImageSettings, SignalSettings, TableSettings
from hourglass.errors import HourglassError
from hourglass.sections import Section, section_of

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
