"""What fills in the templates of all pages, and the style sheet of these."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from hourglass.report import words

_HERE = Path(__file__).parent
#: The style sheet of all pages.
STYLE = Markup((_HERE / "style.css").read_text(encoding="utf-8"))  # noqa: S704
#: Functions of `words` that templates call as filters.
_FILTERS = (
    "basis",
    "count",
    "decibels",
    "gain",
    "interval",
    "listed",
    "number",
    "percent",
    "percent_interval",
    "plain",
    "promise",
    "shortened",
    "signed",
)


def environment(*, html: bool = True) -> Environment:
    """Give what fills in the templates of pages, or of Markdown, where no sign is escaped."""
    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=html,  # noqa: S701 - Markdown has signs of its own
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=not html,
    )
    for name in _FILTERS:
        environment.filters[name] = getattr(words, name)
    return environment
