"""Pictures on their way into a model and back: read in the form that it learnt, written in the size that they had."""

from pathlib import Path
from typing import Any

import pandas as pd
from numpy.typing import NDArray

from hourglass.data.params import DataParams
from hourglass.data.settings import ImageSettings
from hourglass.runtime import Model
from hourglass.runtime.array import ArraySchema
from hourglass.runtime.images import AS_IS, Form

_REMARKS = {
    "resize": "; in the sizes that they had",
    "pad": "; in the sizes that they had",
    "crop": "; the middle of each, as data.image.fit was crop",
    "refuse": "",
}


def form_of(model: Model) -> Form:
    """Tell the form that a model's pictures have; of other models one that changes nothing."""
    return model.schema.form if isinstance(model.schema, ArraySchema) else AS_IS


def as_learnt(model: Model, data: DataParams) -> DataParams:
    """Give the settings by which a model's pictures are read; what is derived of them, the model derives itself."""
    form = form_of(model)
    image = ImageSettings(size=list(form.size) if form.size else None, fit=form.fit, channels=form.channels)
    return data.model_copy(update={"image": image, "pair": None, "derive": None})


def in_own_size(pixels: NDArray[Any], form: Form, beside: pd.DataFrame, row: int) -> NDArray[Any]:
    """Bring the picture that a model made of a row, (height, width[, channels]), back to the size that the row had."""
    if not {"height", "width"} <= set(beside):
        return pixels
    return form.undo(pixels, (int(beside["height"].iloc[row]), int(beside["width"].iloc[row])))


def remark(model: Model, out: Path) -> str:
    """Say what size the PNG files of a folder have, where that isn't the model's own."""
    return "" if out.suffix else _REMARKS[form_of(model).fit]
