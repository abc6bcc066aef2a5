"""What the explorer shows of a variant: its map, its codes, and its decoder or a grid that stands in for it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from hourglass import outputs
from hourglass.project import Project
from hourglass.report.explorer import codes, conditions, packing
from hourglass.report.explorer.recording import Recorder, Shown
from hourglass.report.facts import Variant
from hourglass.runtime import Model
from hourglass.runtime.graphs import Graph

#: Places along each side of the grid that stands in for a decoder.
_SIDES = (20, 16, 12, 10, 8, 6, 4)
#: Codes that the browser decodes for comparison.
_CHECKED = 4


def describe(project: Project, variant: Variant, model: Model, shown: Shown, recorder: Recorder) -> dict[str, Any]:
    """Pack the map, the codes and the reconstructions of a variant.

    Returns
    -------
    dict
        ``layout`` (rows, 2), ``plane``, ``codes`` (rows, latent), ``rebuilt``, ``scores``, ``threshold``, ``sliders``
        and ``controls``.
    """
    z = load_file(project.output("evaluate", variant.name) / outputs.ARRAYS)["map_z"][shown.chosen]
    plane = codes.Plane.of(z)
    told = model.conditioning
    return {
        "name": variant.name,
        "latent": model.latent,
        "layout": packing.array(variant.latent_map.layout[shown.chosen]),
        "plane": {
            "mean": plane.mean.tolist(),
            "axes": plane.axes.tolist(),
            "places": packing.array(plane.places),
            "share": plane.share,
        },
        "codes": packing.array(z),
        "rebuilt": recorder.record(shown.rebuilt(model)),
        "scores": [score if np.isfinite(score) else None for score in shown.scores(model).tolist()],
        "threshold": model.threshold,
        "sliders": codes.sliders(z),
        "controls": [] if told is None else conditions.controls(told, shown.known, shown.index),
        "untold": told is not None and told.of_label,
    }


@dataclass(frozen=True)
class Decoder:
    """A variant's decoder, or what stands in for it where there is no room.

    Parameters
    ----------
    model : Model
    described : dict
        What `describe` gave of it.
    shown : Shown
    recorder : Recorder
    """

    model: Model
    described: dict[str, Any]
    shown: Shown
    recorder: Recorder

    def fitted(self, room: int, *, behind: int) -> dict[str, Any]:
        """Give the decoder, or the finest grid that there is room for.

        Parameters
        ----------
        room : int
            Characters that are left.
        behind : int
            Variants that come after, each of which needs room for a coarse grid at least.

        Returns
        -------
        dict
            ``graph`` and ``check``, or ``grid`` and ``bytes``, how large the decoder would have been.
        """
        graph = packing.packed((self.model.folder / "decode.onnx").read_bytes())
        if len(graph) <= room - behind * self._length(_SIDES[-1]):
            return {"graph": graph, "check": self._check()}
        fitting = [side for side in _SIDES if self._length(side) <= room / (behind + 1)]
        return {"grid": self._grid(fitting[0] if fitting else _SIDES[-1]), "bytes": len(graph)}

    def _length(self, side: int) -> int:
        return packing.length(side * side * self.recorder.bytes_of_row(self.shown.x[0]))

    def _grid(self, side: int) -> dict[str, Any]:
        """Decode the codes at places of the map by the package."""
        layout, z = (packing.unpacked(self.described[name]) for name in ("layout", "codes"))
        places = codes.grid(layout, side)
        return {"side": side, "rows": self.recorder.record(self._decode(codes.mixed(places, layout, z)))}

    def _check(self) -> dict[str, Any]:
        """Give what the package decodes some codes to, for the browser to compare."""
        z = packing.unpacked(self.described["codes"])[:_CHECKED]
        return {"x_hat": packing.array(self._decode(z).reshape(len(z), -1))}

    def _decode(self, z: NDArray[np.float32]) -> NDArray[np.float32]:
        """Decode codes by the graph that the package serves, in the nets' units, told what the page begins with."""
        told = []
        if self.model.conditioning is not None:
            usual = np.zeros(self.model.conditioning.known, np.float32)
            if not self.described["untold"]:
                chosen = (one["options"][one["usual"]]["told"] for one in self.described["controls"])
                usual[:] = [*(number for part in chosen for number in part), 1]
            told = [np.tile(usual, (len(z), 1))]
        x_hat: NDArray[np.float32] = Graph(self.model.folder / "decode.onnx").run(z, *told)["x_hat"]
        return x_hat
