"""Maps of images: pictures of where each is odd, which ``hourglass score --maps`` draws."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hourglass.data.sources import Raw
from hourglass.errors import HourglassError
from hourglass.runtime import Model
from hourglass.runtime.attribution import heat
from hourglass.runtime.schema import ROWS
from hourglass.use import pictures
from hourglass.use.reading import rows
from hourglass.use.results import FOLDER, Output, Result, require_new

#: Told of each block the names of its images, and the parts of their scores.
OnParts = Callable[[pd.DataFrame, Any], None]


class Maps:
    """A new folder of pictures, a map for each image: bright where its score comes from; whole or absent.

    Parameters
    ----------
    model : Model
        Of images.
    folder : Path
    on_parts : callable, optional
        Told the parts behind the maps, too.

    Raises
    ------
    HourglassError
        The model takes no images, or the folder exists or can't be written.
    """

    def __init__(self, model: Model, folder: Path, on_parts: OnParts | None = None) -> None:
        if model.config["schema"]["kind"] != "image":
            raise HourglassError("--maps are of images, and the model takes none; leave it out, or use --explain.")
        require_new(folder, FOLDER)
        self._model, self._on_parts, self._output = model, on_parts, Output(folder)

    def __enter__(self) -> Self:
        self._output.__enter__()
        return self

    def add(self, raw: Raw, first_row: int) -> None:
        """Draw the maps of a block."""
        parts = self._model.attribute(rows(self._model, raw), first_row=first_row)
        missing = np.isnan(parts).any(axis=tuple(range(1, parts.ndim)))
        drawn: dict[str, NDArray[np.generic]] = {ROWS: heat(parts, self._model.threshold)}
        form = pictures.form_of(self._model)
        self._output.add(Result(raw.side, drawn, missing, np.dtype(np.uint8), form))
        if self._on_parts is not None:
            self._on_parts(raw.side, parts)

    def __exit__(self, *failure: Any) -> None:
        self._output.__exit__(*failure)
