"""What ``hourglass monitor`` does: rows that a model scores, held against those that it was made with."""

from collections.abc import Callable, Iterator
from pathlib import Path

from hourglass.data.params import DataParams
from hourglass.data.reading import DEFAULTS
from hourglass.drift.profile import Profile
from hourglass.drift.reference import REFERENCE
from hourglass.drift.watch import Watch
from hourglass.errors import HourglassError
from hourglass.use import signals
from hourglass.use.reading import blocks, rows
from hourglass.use.shards import MANIFEST, manifest


def profile_of(
    watch: Watch, source: str, data: DataParams = DEFAULTS, on_rows: Callable[[int], None] | None = None
) -> Profile:
    """Give the profile of rows: that which scoring them left, or, where they aren't scored yet, by scoring them.

    Parameters
    ----------
    watch : Watch
        Of the model that scored, or scores, them.
    source : str
        A folder of shards that ``hourglass score`` wrote, or what the model's data could be made of.
    data : DataParams
        How a source is read; ``memory`` bounds what is held at once.
    on_rows : callable, optional
        Told how many rows are counted.

    Raises
    ------
    HourglassError
        The source can't be read, holds another kind of data or no row; shards aren't complete or have no profiles.
    InputError
        The rows aren't such as the model takes.
    """
    if (Path(source) / MANIFEST).is_file():
        profiles = _of_shards(Path(source))
    elif signals.is_of_series(watch.model):
        profiles = _of_readings(watch, source, data)
    else:
        profiles = _of_rows(watch, source, data)
    whole: Profile | None = None
    for profile in profiles:
        whole = profile if whole is None else whole.merge(profile)
        if on_rows is not None:
            on_rows(whole.rows)
    if whole is None:
        raise HourglassError(f"{source} holds no rows; there is nothing to hold against the reference.")
    return whole


def _of_shards(folder: Path) -> Iterator[Profile]:
    found = manifest(folder)
    if not found["complete"]:
        raise HourglassError(f"{folder} isn't complete; go on with `hourglass score`, then monitor it.")
    for shard in found["shards"]:
        if shard.get("profile") is None:
            raise HourglassError(
                f"{folder} holds no profile of {shard['file']}: the model that scored it has no {REFERENCE}; package "
                "the model again with this version, and score the rows again."
            )
        yield Profile.read(folder / shard["profile"]["file"])


def _of_rows(watch: Watch, source: str, data: DataParams) -> Iterator[Profile]:
    for raw, first_row in blocks(watch.model, source, data):
        given = rows(watch.model, raw)
        yield watch.profile(given, watch.model.score(given, first_row=first_row), first_row=first_row)


def _of_readings(watch: Watch, source: str, data: DataParams) -> Iterator[Profile]:
    frame, _ = signals.read(source, data)
    yield watch.profile(frame, watch.model.score(frame))
