"""The report in a real browser, at the widths of a phone, a tablet and a desktop."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium, chromium-browser or google-chrome on PATH"),
]
SCRIPT = """<pre></pre><script>
const found = {}, frames = [...document.querySelectorAll("iframe")];
frames.forEach(frame => frame.onload = () => {
  const inside = frame.contentDocument, root = inside.documentElement;
  const bottom = name => inside.getElementById(name).getBoundingClientRect().bottom;
  const cut = [...inside.querySelectorAll(".card:not(.scrolls)")].filter(one => one.scrollWidth > one.clientWidth);
  found[frame.width] = {
    scroll: root.scrollWidth, client: root.clientWidth, cut: cut.length,
    leaderboard: bottom("leaderboard"), alarms: bottom("alarms"),
    colour: inside.defaultView.getComputedStyle(inside.body).backgroundColor,
  };
  document.querySelector("pre").textContent = JSON.stringify(found);
});
</script>"""
WIDTHS = (360, 768, 1440)


def measured(page: str, folder: Path, *options: str) -> dict[str, Any]:
    """Open a page in frames of several widths and measure it there, by width."""
    content = html.escape(page)
    frames = [
        f'<iframe width="{width}" height="900" style="border: 0" srcdoc="{content}"></iframe>' for width in WIDTHS
    ]
    wrapper = folder / "wrapper.html"
    wrapper.write_text("<!doctype html>" + "".join(frames) + SCRIPT, encoding="utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=10000", *options]
    command = [CHROMIUM, *flags, f"--user-data-dir={folder / 'profile'}", "--dump-dom", wrapper.as_uri()]
    dom = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    return json.loads(html.unescape(re.search(r"<pre>(.*?)</pre>", dom, re.DOTALL)[1]))


@pytest.fixture(scope="module", params=["images", "table", "signals", "swept"])
def seen(request, tmp_path_factory):
    return measured(request.getfixturevalue(request.param).plain, tmp_path_factory.mktemp(request.param))


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_never_scrolls_sideways(seen, width):
    assert seen[str(width)]["scroll"] <= seen[str(width)]["client"]


@pytest.mark.parametrize("width", WIDTHS)
def test_no_table_is_cut(seen, width):
    assert seen[str(width)]["cut"] == 0


def test_leaderboard_and_alarms_stand_in_the_first_view_of_a_desktop(seen):
    assert max(seen["1440"]["leaderboard"], seen["1440"]["alarms"]) <= 900


def test_the_page_follows_the_colour_scheme(images, tmp_path):
    dark, light = (
        measured(images.plain, tmp_path, f"--blink-settings=preferredColorScheme={number}")["768"]["colour"]
        for number in (0, 1)
    )
    assert dark != light
