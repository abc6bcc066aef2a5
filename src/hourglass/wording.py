"""Types, bounds and names of settings in words."""

import difflib
from collections.abc import Collection, Iterator
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from hourglass.settings import Declared, Setting


def nearest(name: str, known: Collection[str]) -> str:
    """Say which of the known names is near to one that isn't known, or list them."""
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known are {', '.join(sorted(known))}."


def type_words(hint: Any) -> str:
    """Write a type as ``params.yaml`` has its values."""
    if get_origin(hint) is Annotated:
        return type_words(get_args(hint)[0])
    if get_origin(hint) is Literal:
        return " | ".join(map(str, get_args(hint)))
    if get_origin(hint) in (Union, UnionType):
        return " | ".join(map(type_words, get_args(hint)))
    if get_origin(hint) is list:
        return f"list of {type_words(get_args(hint)[0])}"
    names = {NoneType: "null", int: "whole number", float: "number", bool: "true | false", str: "text"}
    return names.get(hint, str(hint))


def bound_words(declared: Declared) -> str:
    """Write the bounds of a setting, of the number that it may be, or of the items of a list."""
    found = [_bounds(declared.setting), *_inner_bounds(declared.type)]
    return ", ".join(words for words in found if words)


def _bounds(setting: Setting) -> str:
    signs = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
    return ", ".join(f"{signs[name]} {value:,g}" for name, value in setting.bounds.items())


def _inner_bounds(hint: Any, prefix: str = "") -> Iterator[str]:
    if get_origin(hint) is Annotated:
        yield from (prefix + _bounds(extra) for extra in hint.__metadata__ if isinstance(extra, Setting))
    prefix = "each " if get_origin(hint) is list else prefix
    for inner in get_args(hint):
        yield from _inner_bounds(inner, prefix)
