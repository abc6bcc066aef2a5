"""What the explorer shows: rows, codes and decoders, as many as there is room for."""

import json
from typing import Any

import numpy as np

from hourglass.data.dataset import Dataset
from hourglass.params import Params
from hourglass.project import Project
from hourglass.report import figures
from hourglass.report.explorer import codes, packing
from hourglass.report.explorer.recording import Recorder, Shown
from hourglass.report.explorer.variants import Decoder, describe
from hourglass.report.facts import Data, Facts
from hourglass.runtime import Model
from hourglass.runtime.table import TableSchema

#: Rows that can be pointed at: as many as fit into a share of the room.
_ROWS = (600, 400, 250, 150, 100, 60, 40, 24, 12)
_ROWS_SHARE = 0.4


def contents(project: Project, params: Params, facts: Facts, room: int) -> dict[str, Any]:
    """Gather what the page shows, as JSON.

    Parameters
    ----------
    project : Project
        Its stages have run.
    params : Params
    facts : Facts
    room : int
        Characters that it may take.
    """
    dataset, recorder = Dataset(project.dataset), Recorder.of(facts)
    shown = Shown.of(dataset, params, _rows(dataset, recorder, facts, room))
    models = [Model(project.output("package", variant.name)) for variant in facts.variants]
    found = _shared(dataset, facts, shown, recorder)
    found["variants"] = [
        describe(project, variant, model, shown, recorder)
        for variant, model in zip(facts.variants, models, strict=True)
    ]
    left = room - len(as_json(found))
    for place, (described, model) in enumerate(zip(found["variants"], models, strict=True)):
        decoder = Decoder(model, described, shown, recorder)
        chosen = decoder.fitted(left, behind=len(models) - place - 1)
        left -= len(as_json(chosen))
        described.update(chosen)
    return found


def as_json(content: Any) -> str:
    """Write JSON that may stand in a page: nothing in it ends the element that holds it."""
    return json.dumps(content, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def _rows(dataset: Dataset, recorder: Recorder, facts: Facts, room: int) -> int:
    """Tell how many rows can be shown, each as it is and as every variant rebuilds it, with its code."""
    one = dataset.normaliser(dataset.take("test", np.arange(1)).x)[0]
    pictures = recorder.bytes_of_row(one) * (1 + len(facts.variants))
    numbers = sum(4 * (variant.latent + 6) for variant in facts.variants)
    for rows in _ROWS:
        if packing.length(rows * (pictures + numbers)) <= _ROWS_SHARE * room:
            return rows
    return _ROWS[-1]


def _shared(dataset: Dataset, facts: Facts, shown: Shown, recorder: Recorder) -> dict[str, Any]:
    """Tell what is the same for all variants."""
    return {
        "drawn": facts.data.drawn,
        "kind": facts.data.kind,
        "shape": list(facts.data.shape),
        "units": _units(facts.data),
        "columns": _columns(dataset, facts.data),
        "grey": [recorder.scale.low, recorder.scale.high],
        "span": [float(end) for end in np.quantile(shown.x, (0.001, 0.999))],
        "classes": _classes(facts.data),
        "rows": {"index": shown.index.tolist(), "label": shown.label.tolist(), "x": recorder.record(shown.x)},
        "neighbours": codes.NEIGHBOURS,
    }


def _units(data: Data) -> dict[str, Any]:
    """Give what brings numbers of the nets back to the data's units: one offset and scale, or one for each number."""
    normaliser = data.normaliser
    offset, scale = normaliser.offset, normaliser.scale
    if offset.ndim or scale.ndim:
        offset, scale = (np.broadcast_to(one, data.shape) for one in (offset, scale))
    return {
        "offset": offset.ravel().tolist(),
        "scale": scale.ravel().tolist(),
        "curves": normaliser.config().get("curves", {}),
    }


def _columns(dataset: Dataset, data: Data) -> list[dict[str, Any]]:
    """Describe the columns of a table, with the ends of the training rows in the nets' units."""
    schema = dataset.schema
    if not isinstance(schema, TableSchema):
        return []
    low, high = (data.normaliser(np.array([[one[end] for one in data.statistics]]))[0] for end in ("min", "max"))
    found, start = [], 0
    for column in schema.columns:
        about = {
            "name": column.name,
            "type": column.type,
            "values": list(column.values),
            "imputed": column.impute != "none",
        }
        found.append(about | {"start": start, "low": float(low[start]), "high": float(high[start])})
        start += column.width
    return found


def _classes(data: Data) -> list[dict[str, Any]]:
    """Name the classes with their colours: those of the report's maps."""
    normal = [one.name for one in data.classes if not one.anomalous]
    return [
        {
            "name": one.name,
            "anomalous": one.anomalous,
            "colour": "anomaly" if one.anomalous else figures.class_colour(normal.index(one.name)),
        }
        for one in data.classes
    ]
