"""The settings of each kind of data, as sections of ``data`` in ``params.yaml``."""

from dataclasses import dataclass
from typing import Annotated, Literal

from hourglass.errors import HourglassError
from hourglass.settings import Setting

Fit = Literal["refuse", "resize", "crop", "pad"]


@dataclass(frozen=True, kw_only=True)
class ColumnSettings:
    """What a column of a table is, where it isn't what it looks like."""

    type: Annotated[
        Literal["auto", "number", "boolean", "category", "time", "ignore"],
        Setting("what the column holds; auto: inferred; ignore: it is left out"),
    ] = "auto"
    scale: Annotated[
        Literal["auto", "standard", "minmax", "robust", "quantile", "log", "none"],
        Setting("how numbers and times are brought into the nets' units; auto: inferred"),
    ] = "auto"
    impute: Annotated[
        Literal["none", "mean", "median", "indicator"],
        Setting(
            "what stands for a missing value, with a 0 or 1 beside that tells so: of a category indicator; none: its "
            "row can't be judged"
        ),
    ] = "none"
    encode: Annotated[
        Literal["auto", "onehot", "embedding"],
        Setting(
            "of a category: whether nets embed it, or see a 0 or 1 for each value; auto: embedded beyond 16 values"
        ),
    ] = "auto"
    cycles: Annotated[bool, Setting("of a time: the hour in the day and the day in the week stand beside")] = False


@dataclass(frozen=True, kw_only=True)
class TableSettings:
    """How delimited files are read."""

    delimiter: Annotated[str, Setting("what stands between cells, one character; auto: found out")] = "auto"
    decimal: Annotated[Literal[".", ","], Setting("what stands before the decimals of a number")] = "."
    encoding: Annotated[
        Literal["utf-8", "cp1252", "latin-1"], Setting("how letters are written; UTF-16 isn't read")
    ] = "utf-8"

    def __post_init__(self) -> None:
        if self.delimiter != "auto" and len(self.delimiter) != 1:
            raise HourglassError(
                f"params.yaml: data.table.delimiter is {self.delimiter!r}; expected one character, or auto."
            )


@dataclass(frozen=True, kw_only=True)
class ImageSettings:
    """How images are read: the form that all of them get."""

    size: Annotated[
        list[Annotated[int, Setting("pixels", ge=1, le=8000)]] | None,
        Setting("height and width of all pictures; null: they have one size"),
    ] = None
    fit: Annotated[Fit, Setting("what becomes of another size: crop cuts the middle out, pad puts black around")] = (
        "refuse"
    )
    channels: Annotated[
        int | None,
        Setting("1 grey, 2 grey and opacity, 3 colour, 4 colour and opacity; null: all have the same", ge=1, le=4),
    ] = None
    broken: Annotated[
        Literal["refuse", "skip"], Setting("what becomes of files that can't be read; skipped ones are listed")
    ] = "refuse"

    def __post_init__(self) -> None:
        if self.size is not None and len(self.size) != 2:
            raise HourglassError(f"params.yaml: data.image.size is {self.size}; expected height and width, [28, 28].")
        if self.size is None and self.fit != "refuse":
            raise HourglassError(f"params.yaml: data.image.fit is {self.fit!r} and needs data.image.size, [28, 28].")


@dataclass(frozen=True, kw_only=True)
class SignalSettings:
    """How series are read and cut into windows."""

    time: Annotated[str | None, Setting("column of times; with one, a table is read as series")] = None
    columns: Annotated[list[str] | None, Setting("the channels; null: all columns of numbers")] = None
    target: Annotated[
        list[str] | None, Setting("channels that shall be made of the others, which a conditional variant is told")
    ] = None
    series: Annotated[str | None, Setting("column that names the series of a reading; null: one for each file")] = None
    window: Annotated[int, Setting("points of a window", ge=2, le=1_000_000)] = 64
    stride: Annotated[
        int | None, Setting("points from one window to the next; null: a quarter of a window", ge=1, le=1_000_000)
    ] = None
    period: Annotated[
        str | None, Setting("time from one point to the next, `5min`; null: `hourglass data` sets the median step")
    ] = None
    max_gap: Annotated[
        int, Setting("missing points in a row that are interpolated; longer gaps cut the series", ge=0, le=10_000)
    ] = 3
    duplicates: Annotated[Literal["mean", "refuse"], Setting("what becomes of readings of one time")] = "mean"
    format: Annotated[str | None, Setting("form of times as text, `%d.%m.%Y %H:%M`; null: ISO 8601")] = None
    unit: Annotated[Literal["s", "ms", "us", "ns"], Setting("unit of times that are numbers")] = "s"
    anomalies: Annotated[
        str | None,
        Setting("file of times between which a series is anomalous; JSON {file: [[start, end]]}, or CSV start,end"),
    ] = None

    def __post_init__(self) -> None:
        both = sorted({*(self.columns or ())} & {*(self.target or ())})
        if both:
            raise HourglassError(
                f"params.yaml: {both[0]!r} is in data.signal.columns and in data.signal.target; name it in one of them."
            )
        if self.target == []:
            raise HourglassError("params.yaml: data.signal.target is empty; name a channel, or set it to null.")


@dataclass(frozen=True, kw_only=True)
class AudioSettings:
    """How recordings are read and cut into frames."""

    rate: Annotated[
        int | None,
        Setting("samples per second; others are resampled; null: `hourglass data` sets the first file's", ge=1000),
    ] = None
    form: Annotated[
        Literal["waveform", "spectrogram", "logmel"],
        Setting("what a row is: samples, the power of every frequency, or that of mel bands"),
    ] = "spectrogram"
    frame: Annotated[
        int | None, Setting("samples of a frame; null: the power of two next to 32 ms", ge=16, le=65_536)
    ] = None
    hop: Annotated[
        int | None, Setting("samples from one frame to the next; null: a quarter of a frame", ge=1, le=65_536)
    ] = None
    context: Annotated[int, Setting("frames of a row, where it is a spectrum", ge=1, le=10_000)] = 8
    stride: Annotated[
        int | None, Setting("frames from one row to the next; null: half of its frames", ge=1, le=10_000)
    ] = None
    mels: Annotated[int, Setting("bands of logmel", ge=2, le=1024)] = 40
    floor: Annotated[
        float, Setting("power in dB of full scale below which differences in a spectrum hardly count", ge=-160, le=0)
    ] = -30.0


#: Every section by its name in ``data``.
KINDS = {"table": TableSettings, "image": ImageSettings, "signal": SignalSettings, "audio": AudioSettings}
