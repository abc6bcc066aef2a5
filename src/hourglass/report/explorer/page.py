"""The explorer's page: template, style, scripts and onnxruntime-web put into one file."""

import base64
import hashlib
import re
from functools import cache
from pathlib import Path

from markupsafe import Markup

from hourglass.params import Params
from hourglass.project import Project
from hourglass.report import words
from hourglass.report.explorer import packing
from hourglass.report.explorer.contents import as_json, contents
from hourglass.report.facts import Facts
from hourglass.report.templates import STYLE, environment

#: Bytes of the page, at most.
LIMIT = 12_000_000
_HERE = Path(__file__).parent
_VENDOR = _HERE / "vendor" / "onnxruntime-web"
#: Parts of the script in the order in which they are put together.
_SCRIPTS = ("blocks.js", "units.js", "panes.js", "codes.js", "map.js", "decoder.js", "explorer.js")
#: What an inline module can't do: export.
_EXPORT = re.compile(r"export\{([^}]*)\};\s*(//# sourceMappingURL=\S*\s*)?$")


def page(project: Project, params: Params, facts: Facts) -> str:
    """Render the page.

    Parameters
    ----------
    project : Project
        Its stages have run.
    params : Params
    facts : Facts
        What the report shows.

    Returns
    -------
    str
        HTML that needs no other file and no network, of at most `LIMIT` bytes.
    """
    own_style = (_HERE / "explorer.css").read_text(encoding="utf-8")
    scripts = [_runtime(), "\n".join((_HERE / name).read_text(encoding="utf-8") for name in _SCRIPTS)]
    context = {
        "source": facts.data.source,
        "rows": facts.data.rows,
        "shape": words.shape(facts.data),
        "report": project.report.name,
        "drawn": facts.data.drawn,
        "style": STYLE + Markup(own_style),  # noqa: S704
        "scripts": [Markup(script) for script in scripts],  # noqa: S704
        "hashes": " ".join(f"'sha256-{_hash(script)}'" for script in scripts),
        "wasm": packing.plain((_VENDOR / "ort-wasm-simd-threaded.wasm.gz").read_bytes()),
        "licence": (_VENDOR / "LICENSE").read_text(encoding="utf-8"),
    }
    template = environment().get_template("explorer/explorer.html")
    room = LIMIT - len(template.render(context, contents="").encode())
    return template.render(context, contents=Markup(as_json(contents(project, params, facts, room))))  # noqa: S704


@cache
def _runtime() -> str:
    """Give onnxruntime-web as an inline module that puts what it exports into ``globalThis.ort``."""
    text = (_VENDOR / "ort.wasm.bundle.min.mjs").read_text(encoding="utf-8")

    def kept(found: re.Match[str]) -> str:
        names = (part.split(" as ") for part in found[1].split(","))
        return "globalThis.ort={" + ",".join(f"{name}:{own}" for own, name in names) + "};\n"

    changed, count = _EXPORT.subn(kept, text)
    assert count == 1  # noqa: S101
    return changed


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
