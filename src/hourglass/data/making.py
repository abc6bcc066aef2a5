"""Making a snapshot: its first shard is taken, checked and surveyed before anyone sees it."""

import os
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from hourglass.data import schemas, surveying
from hourglass.data.enough import Inspection
from hourglass.data.labels import Labels, require_classes
from hourglass.data.params import DataParams, SplitParams
from hourglass.data.reading import take
from hourglass.data.snapshot import INDEX, SCHEMA, SCHEMA_FORMAT, content, opened
from hourglass.data.sources import Raw, derived, urls
from hourglass.files import write_json


def build(
    source: str,
    folder: Path,
    params: DataParams,
    splitting: SplitParams = SplitParams(),  # noqa: B008
    *,
    require_usable: bool = False,
) -> None:
    """Write a snapshot into a new folder and check that it can be read.

    Parameters
    ----------
    source : str
        ``digits``, ``breast_cancer``, ``torchvision:MNIST`` and others, a path, or a URL that fsspec opens.
    folder : Path
        Must not exist; is there afterwards only if all went well.
    params : DataParams
        What the labels and conditions will be; settings of columns that the data doesn't have are left out.
    splitting : SplitParams
        Which rows are in train; the categories that the schema holds are those of its normal rows.
    require_usable : bool
        Refuse what no data set can be made of.

    Raises
    ------
    HourglassError
        The source can't be read, its labels or conditions are not there, or it isn't usable.
    """
    building = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(building, ignore_errors=True)
    try:
        shard = building / (re.sub(r"[^\w.-]", "_", Path(urls.name_of(source)).stem) or "raw")
        shard.mkdir(parents=True)
        by, kind = take(source, shard, params)
        derived.require_images(kind, params)
        index = {"format": 1, "kind": kind, "reader": by, "content": {shard.name: content(shard)}}
        write_json(building / INDEX, index)
        snapshot = opened(building, params)
        if params.columns:
            names = next(iter(snapshot.blocks(params))).side.columns
            params = schemas.of_columns(params, names)
        inspection = Inspection(params, splitting)
        watch = inspection.watch if require_usable else iter
        facts = surveying.survey(lambda: watch(_checked(snapshot.blocks(params), params)), params, splitting)
        if require_usable:
            inspection.require(facts)
        write_json(building / SCHEMA, {"format": SCHEMA_FORMAT} | facts)
        building.rename(folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _checked(blocks: Iterable[Raw], params: DataParams) -> Iterator[Raw]:
    """Pass blocks on, and refuse labels and conditions that aren't there."""
    names: set[str] = set()
    first_row = 0
    for block in blocks:
        names |= set(Labels.of(block, params, first_row).names)
        first_row += len(block.side)
        for name in params.condition:
            if name not in block.arrays:
                block.column(name, "data.condition")
        yield block
    require_classes(names, params)
