"""The map between the data's own units and what the nets see."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


def normalise(x: Any, offset: Any, scale: Any) -> Any:
    """``(x - offset) / scale``, the one definition for numpy arrays and torch tensors; give it float64."""
    return (x - offset) / scale


def denormalise(x: Any, offset: Any, scale: Any) -> Any:
    """Undo `normalise`."""
    return x * scale + offset


@dataclass(frozen=True)
class Normaliser:
    """An affine map, computed in float64 so that large offsets lose nothing, given as float32.

    Parameters
    ----------
    offset, scale : ndarray of float64
        Of the rows' shape, or of shape () where all features share them; every scale is positive.
    """

    offset: NDArray[np.float64]
    scale: NDArray[np.float64]

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Normaliser":
        """Read what `config` gave."""
        return cls(np.asarray(config["offset"], np.float64), np.asarray(config["scale"], np.float64))

    def config(self) -> dict[str, Any]:
        """Describe the map as JSON; float64 survives the round trip exactly."""
        return {"offset": self.offset.tolist(), "scale": self.scale.tolist()}

    def __call__(self, x: NDArray[Any]) -> NDArray[np.float32]:
        """Bring rows into the nets' units."""
        with np.errstate(over="ignore"):  # what float32 can't hold becomes infinite, which is not valid
            scaled: NDArray[np.float32] = normalise(x.astype(np.float64), self.offset, self.scale).astype(np.float32)
        return scaled

    def inverse(self, x: NDArray[Any]) -> NDArray[np.float64]:
        """Bring rows back into the data's units."""
        raw: NDArray[np.float64] = denormalise(x.astype(np.float64), self.offset, self.scale)
        return raw
