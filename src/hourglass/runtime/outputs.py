"""A model's outputs by name."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .asking import condition_of
from .errors import InputError

if TYPE_CHECKING:
    from .model import Model

#: Rows that one call by name makes at most: a server shall outlive what it is asked for.
MOST_MADE = 2**16


def named(model: "Model", rows: Any, output: str, options: dict[str, Any]) -> Any:
    """Give one output of a model; see `Model.predict`."""
    condition = condition_of(options.get("condition"))
    outputs: dict[str, Callable[[], Any]] = {
        "score": lambda: model.score(rows),
        "screen": lambda: model.screen(rows, float(options.get("share", 0.1))),
        "encode": lambda: model.encode(rows),
        "reconstruct": lambda: model.reconstruct(rows),
        "attribute": lambda: model.attribute(rows),
        "explain": lambda: model.explain(rows, int(options.get("reasons", 3))),
        "decode": lambda: model.decode(rows, condition=condition),
        "sample": lambda: model.sample(_count(options, "n", 16), seed=int(options.get("seed", 0)), condition=condition),
        "interpolate": lambda: model.interpolate(rows, steps=_count(options, "steps", 8)),
        "denoise": lambda: model.denoise(rows),
        "translate": lambda: model.translate(rows, condition=condition),
        "points": lambda: model.points(rows),
        "intervals": lambda: model.intervals(rows),
    }
    if output not in outputs:
        raise InputError(f"output is {output!r}; expected one of {', '.join(outputs)}.")
    return outputs[output]()


def _count(options: dict[str, Any], name: str, usual: int) -> int:
    """Read how many rows shall be made, which a stranger may ask for."""
    count = int(options.get(name, usual))
    if count > MOST_MADE:
        raise InputError(f"{name} is {count:,}; expected at most {MOST_MADE:,} rows at a time.")
    return count
