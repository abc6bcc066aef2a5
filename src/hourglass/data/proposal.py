"""The settings that go with a new snapshot: what the command names, and what is found out."""

from pathlib import Path
from typing import Any, Literal

from hourglass.data.params import DataParams, SplitParams
from hourglass.data.settings import SignalSettings
from hourglass.data.sources import audio as recordings
from hourglass.data.sources import reader_for, urls
from hourglass.data.sources import signal as series
from hourglass.data.sources.anomalies import ANOMALY
from hourglass.data.sources.embedded import EMBEDDED
from hourglass.data.sources.pair import PAIR
from hourglass.data.sources.torchvision_sets import PREFIX
from hourglass.errors import HourglassError
from hourglass.runtime.cuts import SERIES
from hourglass.runtime.recordings import SUFFIXES

#: How rows that overlap are divided: `split.by` and `split.column`.
_SPLITS = {"signal": ("time", "start"), "audio": ("group", recordings.FILE)}


def proposed_params(
    source: str,
    label: str | None = None,
    normal: list[str] | None = None,
    anomalous: list[str] | None = None,
    condition: list[str] | None = None,
    signal: SignalSettings | None = None,
    pair: str | None = None,
    derive: Literal["edges", "night"] | None = None,
) -> DataParams:
    """Propose the settings that go with a new snapshot; an embedded set knows its label, and so do known anomalies.

    What pairs images or channels is what a conditional variant is told, unless `condition` names something else.

    Raises
    ------
    HourglassError
        A label without its normal or anomalous values, or the other way round.
    """
    _check_pairs(source, pair, derive)
    embedded = EMBEDDED.get(source)
    partner = [PAIR] if pair or (signal and signal.target) else list[str](filter(None, [derive]))
    if embedded is not None and label is None:
        return DataParams(
            source=source,
            label=embedded.label,
            normal=embedded.normal,
            anomalous=embedded.anomalous,
            condition=(partner or embedded.condition) if condition is None else condition,
            derive=derive,
        )
    if signal is not None and signal.anomalies is not None and label is None:
        label, anomalous = ANOMALY, ["1"]
    _check_labels(label, normal, anomalous)
    name = source if embedded or source.startswith(PREFIX) else urls.name_of(source)
    return DataParams(
        source=name,
        label=label,
        normal=list(normal) if normal else None,
        anomalous=list(anomalous) if anomalous else None,
        condition=condition or partner,
        signal=signal or SignalSettings(),
        pair=pair,
        derive=derive,
    )


def _check_pairs(source: str, pair: str | None, derive: str | None) -> None:
    if pair is None:
        return
    if derive is not None:
        raise HourglassError("give --pair or --derive, not both; either pairs every image with one other.")
    for folder in (source, pair):
        if not Path(folder).is_dir():
            raise HourglassError(f"{folder} is no folder; --pair takes two folders of images that have the same names.")


def _check_labels(label: str | None, normal: list[str] | None, anomalous: list[str] | None) -> None:
    if (label is None) != (normal is None and anomalous is None):
        raise HourglassError("give --label COL together with --normal V (or --anomalous V), or none of them.")
    if normal is not None and anomalous is not None:
        raise HourglassError("give --normal or --anomalous, not both; all other labels are the other kind.")


def settled(source: str, params: DataParams, now: SplitParams) -> tuple[DataParams, SplitParams, list[str]]:
    """Find the settings of series and recordings that were left open, and say how their rows are divided.

    Windows are divided by time, for they overlap, pieces by their recording. What is set of the split stays where it
    suits: another group than the recording, groups that are series, and any rule for rows that don't overlap.

    Parameters
    ----------
    source : str
    params : DataParams
    now : SplitParams
        How rows were divided before.

    Returns
    -------
    DataParams
    SplitParams
    list of str
        What was found and why, a sentence each; see `settle` of the readers.

    Raises
    ------
    HourglassError
        The source can't be read, or a column of times is named and it holds no tables.
    """
    if _says_all(source, params):
        return params, _split_for("", now), []
    with urls.local(source) as path:
        by = reader_for(path, params)
        if params.signal.time is not None and by != "signal":
            raise HourglassError(f"{path} holds no tables; --time is for those with a column of times.")
        found: dict[str, Any] = {}
        said: list[str] = []
        if by == "signal":
            found["signal"], said = series.settle(path, params)
        elif by == "audio":
            found["audio"], said = recordings.settle(path, params)
    return params.model_copy(update=found), _split_for(by, now), said


def _says_all(source: str, params: DataParams) -> bool:
    """Tell whether a name alone says that nothing is left open; what it leads to need not be fetched then."""
    if source in EMBEDDED or source.startswith(PREFIX):
        return params.signal.time is None
    suffix = Path(urls.name_of(source)).suffix.lower()
    return urls.is_url(source) and params.signal.time is None and suffix not in {"", *SUFFIXES}


def _split_for(by: str, now: SplitParams) -> SplitParams:
    before = (now.by, now.column)
    usual: tuple[str, str | None] | None = _SPLITS.get(by)
    if by == "audio" and now.by in ("group", "given") and before not in _SPLITS.values():
        usual = before
    if by == "signal" and before == ("group", SERIES):
        usual = before
    rule, column = usual or (("hash", None) if before in _SPLITS.values() else before)
    return now.model_copy(update={"by": rule, "column": column})
