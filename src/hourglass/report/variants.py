"""``hourglass variants``: what can be trained, and how it can be set."""

import inspect
from typing import Any

from hourglass import models, params
from hourglass.errors import HourglassError
from hourglass.project import Project
from hourglass.report.terminal import facts, show, table
from hourglass.settings import AUTO, Declared, declared_settings
from hourglass.wording import bound_words, nearest, type_words


def list_variants() -> None:
    """Print all variants."""
    rows = ((name, ", ".join(_aliases(name)), *description(name)) for name in models.names())
    variants = table("Variants", ("name", "also", "what it does", "source"), rows)
    show(variants, "`hourglass variants NAME` explains the settings of one.")


def explain(project: Project, name: str) -> None:
    """Print every setting of a variant, and its value in ``params.yaml``.

    Parameters
    ----------
    project : Project
    name : str
        A name or an alias.

    Raises
    ------
    HourglassError
        There is no such variant, or ``params.yaml`` can't be read.
    """
    name = models.ALIASES.get(name, name)
    if name not in models.names():
        raise HourglassError(f"there is no variant {name!r}; {nearest(name, [*models.names(), *models.ALIASES])}")
    loaded = params.load(project.params_file)
    section = loaded.sections.get(name, {})
    does, source = description(name)
    about = [("what it does", does), ("source", source), ("also", ", ".join(_aliases(name)))]
    about.append(("in this project", "trained" if name in loaded.variants else "not among `variants` of params.yaml"))
    columns = ("setting", "value", "default", "type", "bounds", "what it means")
    settings = declared_settings(models.get(name)).values()
    rows = (_row(one, section) for one in settings)
    show(
        facts(name, [row for row in about if row[1]]),
        table(f"Settings, section `{name}` of params.yaml", columns, rows),
    )


def _row(declared: Declared, section: dict[str, Any]) -> tuple[str, ...]:
    default = _value(declared.default)
    value = _value(section[declared.name]) if declared.name in section else default
    return declared.name, value, default, _type(declared), bound_words(declared), declared.setting.doc


def _type(declared: Declared) -> str:
    return f"{type_words(declared.type)} | {AUTO}" if declared.setting.auto else type_words(declared.type)


def _value(value: Any) -> str:
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def description(name: str) -> tuple[str, str]:
    """Give the first line of a variant's docstring, and the paragraph that names the paper it comes from."""
    first, *others = (inspect.getdoc(models.get(name)) or "").split("\n\n")
    source = next((part.removeprefix("Source:") for part in others if part.startswith("Source:")), "")
    return first.split("\n")[0].replace("``", ""), " ".join(source.split()).rstrip(".")


def _aliases(name: str) -> list[str]:
    return [alias for alias, of in models.ALIASES.items() if of == name]
