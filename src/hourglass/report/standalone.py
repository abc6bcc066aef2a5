"""The report's figures as files of their own, for MLflow's pages."""

import re
from pathlib import Path

from hourglass.params import Params
from hourglass.project import Project
from hourglass.report.gather import collect
from hourglass.report.panels import panel

_STYLE = Path(__file__).with_name("style.css")


def figures(project: Project, params: Params, variant: str) -> dict[str, str]:
    """Draw curves, ROC, scores, latent map and KL per unit of a variant.

    Returns
    -------
    dict of str to str
        File name to SVG in the light palette.
    """
    facts = collect(project, params, None)
    (found,) = [one for one in facts.variants if one.name == variant]
    drawn = panel(facts, found)
    pictures = {f"curve_{curve['term']}": curve["figure"] for curve in drawn["curves"]}
    pictures |= {
        name: drawn[name] for name in ("roc", "scores", "timeline", "map", "kl_per_unit") if drawn[name] is not None
    }
    return {f"figures/{name}.svg": _with_palette(str(picture)) for name, picture in pictures.items()}


def _with_palette(svg: str) -> str:
    """Give a figure the variables that the page would."""
    light = re.search(r":root\s*{(.*?)}", _STYLE.read_text(encoding="utf-8"), re.DOTALL)
    assert light is not None  # noqa: S101
    style = f"<style>svg {{{light[1]} background: var(--surface); font: 12px sans-serif; }}</style>"
    head = svg.index(">") + 1
    return svg[:head] + style + svg[head:]
