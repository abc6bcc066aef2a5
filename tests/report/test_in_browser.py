"""The report in a real browser, at the widths of a phone, a tablet and a desktop."""

import html
import json
import re
import shutil
import subprocess

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium, chromium-browser or google-chrome on PATH"),
]
WRAPPER = """<!doctype html><iframe style="width: {width}px; height: {height}px; border: 0" srcdoc="{page}"></iframe>
<pre></pre><script>
const frame = document.querySelector("iframe");
frame.onload = () => {{
  const inside = frame.contentDocument, root = inside.documentElement;
  const bottom = name => inside.getElementById(name).getBoundingClientRect().bottom;
  document.querySelector("pre").textContent = JSON.stringify({{
    scroll: root.scrollWidth, client: root.clientWidth, leaderboard: bottom("leaderboard"), alarms: bottom("alarms"),
    cut: [...inside.querySelectorAll(".card:not(.scrolls)")].filter(one => one.scrollWidth > one.clientWidth).length,
    page: getComputedStyle(inside.body).backgroundColor,
  }});
}};
</script>"""


def measured(page, folder, width, height, *options):
    wrapper = folder / "wrapper.html"
    wrapper.write_text(WRAPPER.format(width=width, height=height, page=html.escape(page)), encoding="utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=10000", *options]
    command = [CHROMIUM, *flags, f"--user-data-dir={folder / 'profile'}", "--dump-dom", wrapper.as_uri()]
    dom = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    return json.loads(html.unescape(re.search(r"<pre>(.*?)</pre>", dom, re.DOTALL)[1]))


@pytest.mark.parametrize("width", [360, 768, 1440])
@pytest.mark.parametrize("kind", ["images", "table", "signals"])
def test_the_page_never_scrolls_sideways(kind, width, request, tmp_path):
    found = measured(request.getfixturevalue(kind).page(), tmp_path, width, 900)
    assert found["scroll"] <= found["client"]
    assert found["cut"] == 0


@pytest.mark.parametrize("kind", ["images", "table", "signals"])
def test_leaderboard_and_alarms_stand_in_the_first_view_of_a_desktop(kind, request, tmp_path):
    found = measured(request.getfixturevalue(kind).page(), tmp_path, 1440, 900)
    assert max(found["leaderboard"], found["alarms"]) <= 900


def test_the_page_follows_the_colour_scheme(images, tmp_path):
    page = images.page()
    dark, light = (
        measured(page, tmp_path, 768, 900, f"--blink-settings=preferredColorScheme={number}")["page"]
        for number in (0, 1)
    )
    assert dark != light
