"""What a training left in its folder, as a net."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hourglass import models
from hourglass.files import read_json
from hourglass.models.shared.variant import Variant
from hourglass.models.shared.weights import load
from hourglass.outputs import MODEL, WEIGHTS, member_folder


@dataclass(frozen=True)
class Trained:
    """A trained variant read from the output of ``train@V``.

    Parameters
    ----------
    model : Variant
        On the CPU, in evaluation mode.
    description : dict
        The content of ``model.json``.
    folder : Path
    others : tuple of Variant
        The other members of an ensemble.
    """

    model: Variant
    description: dict[str, Any]
    folder: Path
    others: tuple[Variant, ...] = ()

    @property
    def weights(self) -> list[Path]:
        """The files of the members' weights, those of the first before."""
        return [member_folder(self.folder, number) / WEIGHTS for number in range(1, len(self.others) + 2)]

    @classmethod
    def read(cls, folder: Path) -> "Trained":
        """Read a model and its weights."""
        description = read_json(folder / MODEL)
        numbers = range(1, len(description.get("others", ())) + 2)
        model, *others = (cls._member(description, member_folder(folder, number)) for number in numbers)
        return cls(model, description, folder, tuple(others))

    @staticmethod
    def _member(description: dict[str, Any], folder: Path) -> Variant:
        model = models.build(
            description["variant"],
            description["shape"],
            description["settings"],
            seed=description["seed"],
            known=description["known"],
            known_shape=description["known_shape"],
            categories=description["categories"],
            embedded=description["embedded"],
        )
        load(model, folder / WEIGHTS)
        return model.eval()
