"""What a sweep may set: ``sweep.space`` of ``params.yaml``, held against types and bounds of the settings."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard, get_args

from hourglass import models
from hourglass.errors import HourglassError
from hourglass.params import Params
from hourglass.settings import AUTO, Declared, declared_settings
from hourglass.training.settings import TrainSettings

_LOOP = "train"
#: Settings of a variant that shape its nets and leave its loss what it is.
NETS = ("latent", "net", "hidden", "decoder_hidden", "activation", "normalisation")
#: Settings of the loop that say where, how and how often it computes; a trial trains one net.
_MACHINE = ("device", "devices", "deterministic", "threads", "ensemble", "checkpoint_seconds")
#: Significant digits of a proposed number: enough to tell settings apart, few enough to read.
_DIGITS = 4


@dataclass(frozen=True)
class Choice:
    """One of some values."""

    values: tuple[Any, ...]

    @property
    def ends(self) -> tuple[Any, ...]:
        """Values that are within bounds only if all are."""
        return self.values

    def holds(self, value: Any) -> bool:
        """Tell whether a value is among them."""
        return value in self.values


@dataclass(frozen=True)
class Range:
    """A number between two, both included.

    Parameters
    ----------
    low, high : float
    log : bool
        Whether its logarithm is what is drawn evenly.
    whole : bool
    """

    low: float
    high: float
    log: bool
    whole: bool

    @property
    def ends(self) -> tuple[Any, ...]:
        """Values that are within bounds only if all are."""
        return (self.low, self.high)

    def holds(self, value: Any) -> bool:
        """Tell whether a value lies in it."""
        return isinstance(value, int | float) and not isinstance(value, bool) and self.low <= value <= self.high

    def rounded(self, value: float) -> float:
        """Write a number with few digits; it stays in the range."""
        return value if self.whole else min(max(float(f"{value:.{_DIGITS}g}"), self.low), self.high)


Dimension = Choice | Range
Space = Mapping[str, Dimension]


def variant_of(params: Params, name: str | None) -> str:
    """Find the variant that a sweep is of: the one that is named, or the only one that it can be.

    Raises
    ------
    HourglassError
        ``params.yaml`` doesn't list it, or there are several.
    """
    if name is not None:
        name = models.ALIASES.get(name, name)
        if name not in params.variants:
            raise HourglassError(f"{name!r} is not among the variants of params.yaml: {', '.join(params.variants)}.")
        return name
    swept = [variant for variant in params.variants if any(key.startswith(f"{variant}.") for key in params.sweep.space)]
    candidates = swept or params.variants
    if len(candidates) > 1:
        raise HourglassError(
            f"a sweep is of one variant, and params.yaml has {' and '.join(candidates)}; name it: `hourglass sweep "
            f"{candidates[0]}`."
        )
    return candidates[0]


def read(params: Params, variant: str) -> Space:
    """Read what a sweep of a variant may set; what is said of other variants is left out.

    Raises
    ------
    HourglassError
        Nothing is left, a setting doesn't exist, a value is out of bounds, or the monitor would mean something else
        under another value.
    """
    given = {key: value for key, value in params.sweep.space.items() if key.partition(".")[0] in (_LOOP, variant)}
    others = set(params.sweep.space) - set(given)
    _require_sections(others, params)
    if not given:
        raise HourglassError(
            f"params.yaml: sweep.space names no setting of {_LOOP} or {variant}; add one, such as `space: "
            f"{{{variant}.latent: [4, 8, 16], train.lr: {{low: 1e-4, high: 1e-2, log: true}}}}`."
        )
    declared = _declared(variant)
    space = {key: _dimension(key, content, declared, params) for key, content in sorted(given.items())}
    if params.sweep.metric == "monitor":
        _require_one_loss(space, variant)
    return space


def present(params: Params, variant: str, space: Space) -> dict[str, Any]:
    """Give the values that ``params.yaml`` has for what a sweep may set."""
    settings = {variant: params.settings_of(variant), _LOOP: vars(params.train)}
    parts = {key: key.partition(".") for key in space}
    return {key: settings[part][name] for key, (part, _, name) in parts.items()}


def _require_one_loss(space: Space, variant: str) -> None:
    """Refuse settings under which the monitor means something else, so that trainings can't be compared by it."""
    for key in space:
        part, _, name = key.partition(".")
        if part == _LOOP or name in NETS:
            continue
        raise HourglassError(
            f"params.yaml: sweep.space sets {key}, which changes what the loss of {variant} measures, so its monitor "
            "can't tell which value is better; set sweep.metric: select."
        )


def _require_sections(keys: Iterable[str], params: Params) -> None:
    """Refuse keys that are of no variant."""
    for key in sorted(keys):
        part = key.partition(".")[0]
        if part not in models.names():
            raise HourglassError(
                f"params.yaml: sweep.space sets {key!r}; a sweep sets train.* and settings of variants, such as "
                f"train.lr and {params.variants[0]}.latent."
            )


def _declared(variant: str) -> dict[str, Declared]:
    sections = {variant: models.get(variant), _LOOP: TrainSettings}
    return {f"{part}.{name}": one for part, cls in sections.items() for name, one in declared_settings(cls).items()}


def _dimension(key: str, content: Any, declared: Mapping[str, Declared], params: Params) -> Dimension:
    where = f"sweep.space: {key}"
    if key in {f"{_LOOP}.{name}" for name in _MACHINE}:
        raise HourglassError(f"params.yaml: {where} says how training computes, not what; take it out.")
    if isinstance(content, list):
        dimension: Dimension = _choice(where, content)
    elif isinstance(content, dict):
        dimension = _range(where, content, declared.get(key))
    else:
        raise HourglassError(
            f"params.yaml: {where} is {content!r}; expected a list of values, or {{low: , high: }} of a number."
        )
    for value in dimension.ends:
        _require_valid(key, value, params)
    if AUTO in dimension.ends and declared[key].setting.auto:
        raise HourglassError(f"params.yaml: {where} holds 'auto', a search of its own; name numbers.")
    return dimension


def _require_valid(key: str, value: Any, params: Params) -> None:
    try:
        params.with_settings({key: value})
    except HourglassError as wrong:
        sentence = str(wrong).removeprefix("params.yaml: ")
        raise HourglassError(f"params.yaml: sweep.space: {sentence}") from wrong


def _choice(where: str, values: list[Any]) -> Choice:
    if not values:
        raise HourglassError(f"params.yaml: {where} is an empty list; name the values to try.")
    if any(value in values[:place] for place, value in enumerate(values)):
        raise HourglassError(f"params.yaml: {where} names a value twice; name each once.")
    return Choice(tuple(values))


def _range(where: str, content: dict[str, Any], declared: Declared | None) -> Range:
    unknown = set(content) - {"low", "high", "log"}
    low, high, log = content.get("low"), content.get("high"), content.get("log", False)
    if unknown or not _is_number(low) or not _is_number(high) or not isinstance(log, bool):
        raise HourglassError(
            f"params.yaml: {where} is {content!r}; expected {{low: , high: }} of numbers, and log: true where its "
            "logarithm counts."
        )
    numbers = {int, float} if declared is None else {int, float} & _kinds(declared.type)
    if not numbers:
        raise HourglassError(f"params.yaml: {where} is no number, so it has no low and high; list the values to try.")
    if low >= high:
        raise HourglassError(f"params.yaml: {where} goes from {low} to {high}; low should be less than high.")
    if log and low <= 0:
        raise HourglassError(f"params.yaml: {where} starts at {low}, which has no logarithm; low should be above 0.")
    whole = numbers == {int}
    return Range(low, high, log, whole) if whole else Range(float(low), float(high), log, whole)


def _kinds(declared: Any) -> set[Any]:
    """Name what a value of a setting may be, bounds left out."""
    return {getattr(kind, "__origin__", kind) for kind in (declared, *get_args(declared))}


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
