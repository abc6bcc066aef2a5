"""The report in a real browser, at the widths of a phone, a tablet and a desktop."""

import pytest

from tests.report.browsing import WIDTHS, in_browser, look, require_sound, serious

pytestmark = in_browser


@pytest.fixture(scope="module", params=["images", "table", "signals", "swept"])
def report(request):
    ran = request.getfixturevalue(request.param)
    assert ran.plain
    return ran.project.report


def test_nothing_is_cut_or_stands_in_the_way_of_people_at_any_width(browser, report):
    seen = look(browser, report.as_uri())
    require_sound(browser, seen)
    assert seen[1440]["first"] <= 900  # leaderboard and alarms stand in the first view of a desktop


@pytest.mark.slow
def test_neither_is_it_on_pages_of_variants_with_something_of_their_own(browser, special):
    assert special.plain
    require_sound(browser, look(browser, special.project.report.as_uri()))


def test_the_page_follows_the_colour_scheme_and_is_readable_in_the_dark(browser, images):
    assert images.plain
    look(browser, images.project.report.as_uri())
    colour = "getComputedStyle(document.body).backgroundColor"
    light = browser.evaluate(colour)
    browser.prefer("dark")
    try:
        assert browser.evaluate(colour) != light
        assert serious(browser) == []
    finally:
        browser.prefer("light")


def test_another_map_of_the_codes_is_shown_by_the_keyboard(browser, images):
    assert images.plain
    browser.open(images.project.report.as_uri())
    shown = "[...document.querySelectorAll('#latent article:first-of-type figure.map')]"
    shown += ".filter((one) => one.checkVisibility()).map((one) => one.dataset.map)"
    assert browser.evaluate(shown) == ["umap"]
    browser.evaluate("document.querySelector('#latent input[value=umap]').focus()")
    browser.key("ArrowRight")
    assert browser.evaluate(shown) == ["pca"]
    assert browser.problems == []


def test_the_first_key_leads_past_the_sections_to_the_leaderboard(browser, images):
    assert images.plain
    browser.open("about:blank")
    browser.open(images.project.report.as_uri())
    browser.evaluate("document.querySelector('a.skip').focus()")
    assert browser.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
    browser.evaluate("document.activeElement.click()")
    browser.wait("location.hash === '#overview' && document.activeElement.id === 'overview'")


@pytest.mark.slow
def test_the_name_of_a_setting_of_a_run_is_not_broken_within_a_word(browser, special):
    assert special.plain
    browser.open(special.project.report.as_uri(), 1440)
    names = """[...document.querySelectorAll("#runs .reasons span")].map((one) => {
      const text = document.createRange();
      text.selectNode(one.firstChild);
      return [one.firstChild.textContent.trim(), text.getClientRects().length];
    })"""
    for width in WIDTHS:
        browser.resize(width)
        found = browser.evaluate(names)
        assert "sparsity" in [name for name, _ in found]
        assert [name for name, lines in found if lines > 1 and " " not in name] == [], width


def test_a_section_that_is_linked_exists(browser, report):
    browser.open(report.as_uri())
    gone = "[...document.querySelectorAll('a[href^=\"#\"]')].map((one) => one.hash.slice(1))"
    assert browser.evaluate(f"{gone}.filter((id) => !document.getElementById(id))") == []


def test_a_printed_page_has_no_links_and_scrolls_nowhere(browser, images):
    assert images.plain
    browser.open(images.project.report.as_uri(), 720)
    browser.print_media()
    try:
        assert browser.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
        assert browser.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    finally:
        browser.prefer("light")
