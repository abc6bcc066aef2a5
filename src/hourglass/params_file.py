"""``params.yaml``, changed without losing its order and comments."""

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from hourglass.errors import HourglassError
from hourglass.files import write_text


@contextmanager
def edited(path: Path) -> Iterator[Any]:
    """Give the content of the file, and write what the block changed."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    yaml.representer.add_representer(type(None), lambda to, _: to.represent_scalar("tag:yaml.org,2002:null", "null"))
    content = yaml.load(path.read_text(encoding="utf-8"))
    before = copy.deepcopy(content)
    yield content
    if content != before:
        stream = StringIO()
        yaml.dump(content, stream)
        write_text(path, stream.getvalue())


def override(path: Path, settings: Mapping[str, Any]) -> None:
    """Set single settings by their dotted names, ``{"vae.latent": 4}``; `params.load` tells whether they are right.

    Raises
    ------
    HourglassError
        A name leads into something that is no section.
    """
    with edited(path) as content:
        for key, value in settings.items():
            *sections, name = key.split(".")
            section = content
            for part in sections:
                section = section.setdefault(part, {})
                if not isinstance(section, dict):
                    raise HourglassError(f"params.yaml: unknown key {key!r}; {part!r} is no section.")
            section[name] = value
