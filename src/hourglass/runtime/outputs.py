"""A model's outputs by name."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .asking import condition_of
from .errors import InputError

if TYPE_CHECKING:
    from .model import Model


def named(model: "Model", rows: Any, output: str, options: dict[str, Any]) -> Any:
    """Give one output of a model; see `Model.predict`."""
    condition = condition_of(options.get("condition"))
    outputs: dict[str, Callable[[], Any]] = {
        "score": lambda: model.score(rows),
        "encode": lambda: model.encode(rows),
        "reconstruct": lambda: model.reconstruct(rows),
        "attribute": lambda: model.attribute(rows),
        "decode": lambda: model.decode(rows, condition=condition),
        "sample": lambda: model.sample(
            int(options.get("n", 16)), seed=int(options.get("seed", 0)), condition=condition
        ),
        "interpolate": lambda: model.interpolate(rows, steps=int(options.get("steps", 8))),
        "denoise": lambda: model.denoise(rows),
        "translate": lambda: model.translate(rows, condition=condition),
        "points": lambda: model.points(rows),
        "intervals": lambda: model.intervals(rows),
    }
    if output not in outputs:
        raise InputError(f"output is {output!r}; expected one of {', '.join(outputs)}.")
    return outputs[output]()
