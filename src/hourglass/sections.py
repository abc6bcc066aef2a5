"""Sections of ``params.yaml`` as classes declare them, and in one sentence what is wrong with one."""

import re
from functools import reduce
from operator import or_
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    create_model,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from hourglass.errors import HourglassError
from hourglass.settings import AUTO, declared_settings
from hourglass.wording import nearest

_Settings = TypeVar("_Settings")
_Model = TypeVar("_Model", bound=BaseModel)


class Section(BaseModel):
    """A part of the file; keys it doesn't know are refused, and so are values of another type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def section_of(cls: type[_Settings], content: dict[str, Any], name: str) -> _Settings:
    """Make the settings that a plain class declares of a section; see `checked`."""
    return cls(**checked(cls, content, name))


def checked(cls: type, content: dict[str, Any], name: str) -> dict[str, Any]:
    """Check a section against what a plain class declares.

    Parameters
    ----------
    cls : type
        Its settings are keyword-only arguments annotated with `Setting`.
    content : dict
    name : str
        Of the section, dotted where it lies in another.

    Returns
    -------
    dict
        Every setting, defaults filled in.

    Raises
    ------
    HourglassError
        A key is unknown or a value out of bounds.
    """
    return dict(validated(_model(cls, name), content, f"{name}."))


def validated(model: type[_Model], content: dict[str, Any], prefix: str = "") -> _Model:
    """Check content against a model, whose keys a message names behind a prefix.

    Raises
    ------
    HourglassError
        A key is missing or unknown, or a value out of bounds.
    """
    try:
        return model.model_validate(content)
    except ValidationError as invalid:
        raise HourglassError(_sentence(invalid.errors()[0], model, prefix)) from None


def unknown(key: str, known: list[str]) -> str:
    """Say that a key isn't known, and what may have been meant."""
    return f"params.yaml: unknown key {key!r}; {nearest(key, known)}"


def _model(cls: type, name: str) -> type[BaseModel]:
    fields: dict[str, Any] = {
        key: (_bounded(Annotated[entry.type, entry.setting]), entry.default)
        for key, entry in declared_settings(cls).items()
    }
    return create_model(name, __base__=Section, **fields)


def _bounded(hint: Any) -> Any:
    """Rewrite a type so that pydantic sees the bounds of every `Setting` in it, also in those of a list's items."""
    if get_origin(hint) is Annotated:
        inner, setting = get_args(hint)
        field = Field(description=setting.doc, **setting.bounds)
        if setting.auto:
            return Annotated[_bounded(inner), field, WrapValidator(_or_auto)]
        return Annotated[_bounded(inner), field]
    if get_origin(hint) is list:
        return list[_bounded(get_args(hint)[0])]  # type: ignore[misc]
    if get_origin(hint) in (Union, UnionType):
        either = reduce(or_, map(_bounded, get_args(hint)))
        # a value or null has one sentence by itself
        return either if NoneType in get_args(hint) else Annotated[either, WrapValidator(_any_of)]
    return hint


def _or_auto(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    """Let a number be left to training."""
    if value == AUTO:
        return value
    try:
        return check(value)
    except ValidationError as invalid:
        raise PydanticCustomError("number_or_auto", f"{invalid.errors()[0]['msg']}, or {AUTO!r}") from None


def _any_of(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    """Say in one sentence what each of several types would take."""
    try:
        return check(value)
    except ValidationError as invalid:
        wanted = [error["msg"].removeprefix("Input should be ") for error in invalid.errors()]
        raise PydanticCustomError("any_of", "Input should be {wanted}", {"wanted": ", or ".join(wanted)}) from None


def _sentence(error: ErrorDetails, model: type[BaseModel], prefix: str) -> str:
    key = (prefix + ".".join(str(part) for part in error["loc"])).rstrip(".")
    if error["type"] == "extra_forbidden":
        return unknown(key, [prefix + name for name in _dotted_keys(model)])
    if error["type"] == "sentence":
        return error["msg"]
    if error["type"] == "missing":
        return f"params.yaml: {key} is missing."
    if error["type"] == "value_error":
        return f"params.yaml: {key or 'file'}: {error['ctx']['error']}."
    if error["type"] in ("model_type", "dict_type"):
        return f"params.yaml: {key} must hold keys with values, not {error['input']!r}."
    return f"params.yaml: {key} is {error['input']!r}; it {re.sub('^[A-Z][a-z]+ ', '', error['msg'])}."


def _dotted_keys(model: type[BaseModel], prefix: str = "") -> list[str]:
    keys = []
    for name, field in model.model_fields.items():
        keys.append(prefix + name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            keys += _dotted_keys(field.annotation, f"{prefix}{name}.")
    return keys
