"""Settings that are given in Python, held against what their class declares."""

import operator
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from numbers import Integral, Real
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from hourglass import models
from hourglass.errors import HourglassError
from hourglass.models.shared.variant import Variant
from hourglass.settings import AUTO, Setting, declared_settings
from hourglass.wording import bound_words, nearest, type_words


def checked(cls: type, values: Mapping[str, Any], *, owner: str) -> dict[str, Any]:
    """Give settings as plain values, those of numpy as Python's.

    Parameters
    ----------
    cls : type
        Declares them.
    values : mapping
    owner : str
        Whose settings they are, for the message.

    Raises
    ------
    ValueError
        There is no such setting, or its value is of another type or out of bounds.
    """
    declared = declared_settings(cls)
    for name, value in values.items():
        if name not in declared:
            raise ValueError(f"{owner} has no setting {name!r}; {nearest(name, declared)}")
        found = declared[name]
        chosen = found.setting.auto and isinstance(value, str) and value == AUTO
        if not chosen and not _fits(value, Annotated[found.type, found.setting]):
            expected = ", ".join(filter(None, (type_words(found.type), bound_words(found))))
            raise ValueError(f"{owner}: {name} is {value!r}; expected {expected} ({found.setting.doc}).")
    return {name: value.item() if hasattr(value, "item") else value for name, value in values.items()}


def variant_named(name: str) -> type[Variant]:
    """Give the class of a variant.

    Raises
    ------
    ValueError
        There is no such variant.
    """
    known = [*models.names(), *models.ALIASES]
    if name not in known:
        raise ValueError(f"there is no variant {name!r}; {nearest(str(name), known)}")
    return models.get(name)


@contextmanager
def told_in_python() -> Iterator[None]:
    """Turn what refuses settings into a ValueError, as scikit-learn has it, that doesn't speak of ``params.yaml``."""
    try:
        yield
    except HourglassError as refused:
        raise ValueError(str(refused).removeprefix("params.yaml: ")) from refused


def _fits(value: Any, hint: Any) -> bool:
    """Tell whether a value has the type of a hint and lies within its bounds, as far as settings use hints."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        kind, setting = inner
        return _fits(value, kind) and (not isinstance(value, Real) or _within(value, setting))
    if origin in {Union, UnionType}:
        return any(_fits(value, option) for option in inner)
    if origin is Literal:
        return value in inner
    if origin is list:
        return isinstance(value, list | tuple) and all(_fits(item, inner[0]) for item in value)
    if hint in {int, float}:
        return isinstance(value, Integral if hint is int else Real) and not isinstance(value, bool)
    return isinstance(value, hint)


def _within(value: Any, setting: Setting) -> bool:
    return all(getattr(operator, name)(value, bound) for name, bound in setting.bounds.items())
