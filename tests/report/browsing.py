"""What is held of every page in a real browser, at the widths of a phone, a tablet and a desktop."""

from pathlib import Path
from typing import Any

import pytest

from tests.chromium import PROGRAM, Page

WIDTHS = (360, 768, 1440)
AXE = Path(__file__).parents[1] / "vendor" / "axe-core" / "axe.min.js"

#: Marks of a test that needs a browser.
in_browser = [
    pytest.mark.browser,
    pytest.mark.skipif(PROGRAM is None, reason="no chromium, chromium-browser or google-chrome on PATH"),
]
_MEASURE = """(() => {
  const root = document.documentElement;
  const cards = [...document.querySelectorAll(".card:not(.scrolls)")];
  const bottom = (id) => document.getElementById(id)?.getBoundingClientRect().bottom ?? 0;
  return {
    sideways: root.scrollWidth - root.clientWidth,
    cut: cards.filter((one) => one.scrollWidth > one.clientWidth).length,
    first: Math.max(bottom("leaderboard"), bottom("alarms")),
    narrow: [...document.querySelectorAll("main td, main tbody th")].filter((one) => {
      const text = document.createRange();
      text.selectNodeContents(one);
      const lines = new Set([...text.getClientRects()].map((line) => Math.round(line.top))).size;
      return lines > 2 && one.textContent.trim().length < 4 * lines;
    }).length,
  };
})()"""


def look(page: Page, address: str) -> dict[int, dict[str, Any]]:
    """Open a page once and measure it at every width.

    Returns
    -------
    dict of int to dict
        By width: pixels that it scrolls ``sideways``, cards that are ``cut``, where the ``first`` view ends, cells that
        are as ``narrow`` as a letter, and what axe finds ``serious``.
    """
    page.problems.clear()
    page.open("about:blank")
    page.open(address, WIDTHS[0])
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = {}
    for width in WIDTHS:
        page.resize(width)
        page.evaluate("scrollTo(0, 0)")
        found[width] = page.evaluate(_MEASURE) | {"serious": serious(page)}
    return found


def serious(page: Page) -> list[Any]:
    """Give what axe, which the page has loaded, calls serious or critical."""
    found = page.evaluate("axe.run().then((found) => found.violations)")
    return [
        (one["id"], [node["html"][:200] for node in one["nodes"]][:3])
        for one in found
        if one["impact"] in {"serious", "critical"}
    ]


def require_sound(page: Page, seen: dict[int, dict[str, Any]]) -> None:
    """Hold what was seen of a page against what every page has to be."""
    for width, found in seen.items():
        assert {name: found[name] for name in ("sideways", "cut", "narrow", "serious")} == {
            "sideways": 0,
            "cut": 0,
            "narrow": 0,
            "serious": [],
        }, width
    assert page.problems == []
