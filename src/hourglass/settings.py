"""Settings as annotated keyword-only arguments, read by whoever validates or documents them.

A class declares each setting once, where it uses it::

    def __init__(self, *, latent: Annotated[int, Setting("width of the code", ge=1)] = 8): ...

This module needs the standard library alone, so models and the training loop stay free of validation libraries.
"""

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args, get_origin, get_type_hints

#: What ``params.yaml`` says where training shall choose a number.
AUTO = "auto"


@dataclass(frozen=True)
class Setting:
    """What a setting means and where it may lie (bounds as in ``annotated_types``).

    ``auto`` tells that ``params.yaml`` may say so in place of a number, which training then chooses; the class itself
    only ever sees numbers.
    """

    doc: str
    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    auto: bool = False

    @property
    def bounds(self) -> dict[str, float]:
        """The bounds that are set, by name."""
        named = {"ge": self.ge, "gt": self.gt, "le": self.le, "lt": self.lt}
        return {name: value for name, value in named.items() if value is not None}


@dataclass(frozen=True)
class Declared:
    """One setting as its class declares it."""

    name: str
    type: Any
    default: Any
    setting: Setting


def declared_settings(cls: type) -> dict[str, Declared]:
    """Collect the settings of a class from its signature.

    Where ``__init__`` passes ``**keywords`` on, the parent's settings are collected too, so a subclass names only
    what it adds.

    Parameters
    ----------
    cls : type
        A class whose settings are keyword-only arguments annotated with `Setting`.

    Returns
    -------
    dict of str to Declared
        Own settings first, then inherited ones.
    """
    found: dict[str, Declared] = {}
    for init in _init_chain(cls):
        hints = get_type_hints(init, include_extras=True)
        for name, parameter in inspect.signature(init).parameters.items():
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY and name not in found:
                found[name] = _declared(name, hints[name], parameter.default)
    return found


def _init_chain(cls: type) -> Iterator[Any]:
    for parent in cls.__mro__:
        init = parent.__dict__.get("__init__")
        if init is None:
            continue
        yield init
        kinds = [parameter.kind for parameter in inspect.signature(init).parameters.values()]
        if inspect.Parameter.VAR_KEYWORD not in kinds:
            return


def _declared(name: str, hint: Any, default: Any) -> Declared:
    if get_origin(hint) is not None and hasattr(hint, "__metadata__"):
        for extra in hint.__metadata__:
            if isinstance(extra, Setting):
                return Declared(name, get_args(hint)[0], default, extra)
    raise TypeError(f"setting {name!r} must be annotated as Annotated[type, Setting(...)]")
