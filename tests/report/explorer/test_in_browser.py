"""The explorer in a real browser, opened as a file."""

import json
import time

import numpy as np
import pytest

from hourglass.runtime import Model
from tests.chromium import chromium
from tests.report.browsing import in_browser, look, require_sound

pytestmark = in_browser
#: Differences of a browser's numbers to the package's, at most.
TOLERANCE = 1e-4
#: Reads the grey levels of a picture by way of a copy, which Chromium doesn't mind to be read often.
GREY = """globalThis.greyOf = (id) => {
  const canvas = document.getElementById(id);
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
  return [canvas.height, canvas.width, ...data.filter((_, place) => place % 4 === 0)];
}; null"""
CODE = "[...document.querySelectorAll('#units input')].map((one) => Number(one.value))"


def opened(page, ran, variant, width=1440):
    """Open the explorer anew at a variant and wait until its decoder was checked."""
    page.problems.clear()
    page.requests.clear()
    page.open("about:blank")
    page.open(f"{ran.explorer.as_uri()}#{variant}", width, 1000)
    page.wait(f"document.getElementById('state').dataset.variant === {json.dumps(variant)}")
    return page


def text(page, selector):
    return page.evaluate(f"document.querySelector({json.dumps(selector)}).textContent")


def pixels(page, pane):
    """Read the grey levels of a picture: shape (height, width)."""
    found = page.evaluate(f"{GREY}, greyOf('{pane}')")
    return np.array(found[2:]).reshape(found[:2])


def shows(page, pane, expected, within=1):
    """Tell whether a picture comes to show these grey levels, to which it may still be on its way."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if np.abs(pixels(page, pane) - expected).max() <= within:
            return True
    return False


def dragged(page, *places):
    """Drag the mouse over shares of the map's width and height."""
    left, top, width, height = page.evaluate(
        "(({left, top, width, height}) => [left, top, width, height])"
        "(document.getElementById('map').getBoundingClientRect())"
    )
    (first, *others) = [(left + right * width, top + down * height) for right, down in places]
    page.mouse("Moved", *first)
    page.mouse("Pressed", *first, buttons=1)
    for place in others:
        page.mouse("Moved", *place, buttons=1)
    page.mouse("Released", *(others or [first])[-1])


CASES = [
    ("images", "autoencoder"),
    ("images", "vae"),
    ("table", "autoencoder"),
    ("signals", "denoising"),
]


@pytest.mark.parametrize(("kind", "variant"), CASES)
def test_the_browser_decodes_what_the_package_does(browser, kind, variant, request):
    page = opened(browser, request.getfixturevalue(kind), variant)
    assert 0 <= float(page.evaluate("document.getElementById('state').dataset.difference")) <= TOLERANCE
    assert page.problems == []
    assert all(one.startswith(("file:", "about:")) for one in page.requests)


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["cvae", "sparse", "vq_vae"])
def test_every_kind_of_code_is_decoded(browser, special, variant):
    page = opened(browser, special, variant)
    assert float(page.evaluate("document.getElementById('state').dataset.difference")) <= TOLERANCE
    assert page.problems == []


def test_pointing_at_a_row_shows_it_beside_its_reconstruction(browser, images):
    page = opened(browser, images, "vae")
    before = text(page, "#pointed"), pixels(page, "original")
    left, top = page.evaluate("(({left, top}) => [left, top])(document.getElementById('map').getBoundingClientRect())")
    page.mouse("Moved", left + 40, top + 400)
    after = text(page, "#pointed"), pixels(page, "original")
    assert before[0] != after[0]
    assert (before[1] != after[1]).any()
    model = Model(images.project.output("package", "vae"))
    rebuilt = model.reconstruct(after[1][None] / 255 * 16)[0].clip(0, 16) / 16 * 255
    assert pixels(page, "rebuilt") == pytest.approx(rebuilt, abs=2.5)


def test_dragging_decodes_the_code_that_the_sliders_show(browser, images):
    page = opened(browser, images, "vae")
    dragged(page, (0.3, 0.4), (0.5, 0.6), (0.62, 0.55))
    code = np.array(page.evaluate(CODE))
    model = Model(images.project.output("package", "vae"))
    expected = model.decode(code[None])[0].clip(0, 16) / 16 * 255
    assert shows(page, "decoded", expected)
    assert page.problems == []


def test_a_slider_moves_one_unit_and_decodes(browser, table):
    page = opened(browser, table, "autoencoder")
    assert text(page, "#units label").startswith("unit 1")
    dragged(page, (0.5, 0.5))
    before = page.evaluate(CODE)
    page.evaluate(
        "(() => { const one = document.querySelectorAll('#units input')[1]; one.value = one.max; "
        "one.dispatchEvent(new Event('input')); })()"
    )
    code = page.evaluate(CODE)
    assert [now != then for now, then in zip(code, before, strict=True)] == [False, True, False, False]
    expected = Model(table.project.output("package", "autoencoder")).decode(np.array(code)[None])
    texts = [f"{float(f'{number:.4g}'):.4g}" for number in expected.iloc[0]]
    shown = "[...document.querySelectorAll('td.decoded span:first-child')].map((one) => one.textContent)"
    page.wait(f"{shown}[0] === {json.dumps(texts[0])}")
    assert [float(one) for one in page.evaluate(shown)] == pytest.approx([float(one) for one in texts], rel=1e-3)


def test_the_keyboard_moves_the_cross(browser, images):
    page = opened(browser, images, "vae")
    before = page.evaluate(CODE)
    page.evaluate("document.getElementById('map').focus()")
    for _ in range(3):
        page.key("ArrowRight")
    assert page.evaluate(CODE) != before


def test_on_the_pca_plane_a_place_is_a_code(browser, images):
    page = opened(browser, images, "vae")
    page.evaluate("document.querySelector('[name=plane][value=plane]').click()")
    dragged(page, (0.5, 0.5))
    middle = np.array(page.evaluate(CODE))
    steps = []
    for place in ((0.6, 0.5), (0.7, 0.5)):
        dragged(page, place)
        steps.append(np.array(page.evaluate(CODE)) - middle)
    assert steps[1] == pytest.approx(2 * steps[0], abs=0.05 * np.abs(steps[1]).max())


@pytest.mark.slow
def test_a_conditional_model_makes_what_it_is_told(browser, special):
    page = opened(browser, special, "cvae")
    dragged(page, (0.5, 0.5))
    code = np.array(page.evaluate(CODE))
    model = Model(special.project.output("package", "cvae"))
    for digit in ("3", "7"):
        page.evaluate(
            "(() => { const one = document.querySelector('#conditions select'); "
            f"one.value = [...one.options].find((option) => option.textContent === '{digit}').value; "
            "one.dispatchEvent(new Event('change')); })()"
        )
        assert shows(page, "decoded", model.decode(code[None], condition={"digit": [digit]})[0].clip(0, 16) / 16 * 255)


def test_choosing_another_variant_shows_its_map(browser, images):
    page = opened(browser, images, "vae")
    before = page.evaluate(CODE)
    page.evaluate(
        "(() => { const one = document.getElementById('variant'); one.value = 'autoencoder'; "
        "one.dispatchEvent(new Event('change')); })()"
    )
    page.wait("document.getElementById('state').dataset.variant === 'autoencoder'")
    assert page.evaluate("location.hash") == "#autoencoder"
    assert page.evaluate(CODE) != before
    assert page.problems == []


def test_a_decoder_without_room_says_so_and_offers_its_grid(browser, images, tmp_path):
    from hourglass.report.explorer import page as rendered
    from hourglass.report.gather import collect

    facts = collect(images.project, images.params, None)
    fixed = images.explorer.stat().st_size
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rendered, "LIMIT", fixed - 75_000)
        (tmp_path / "explorer.html").write_text(rendered.page(images.project, images.params, facts), encoding="utf-8")
    last = facts.variants[-1].name
    browser.problems.clear()
    browser.open(f"{(tmp_path / 'explorer.html').as_uri()}#{last}")
    browser.wait("document.getElementById('state').textContent.includes('more than this page has room for')")
    assert browser.evaluate("document.querySelectorAll('#units input').length") == 0
    dragged(browser, (0.2, 0.5))
    first = pixels(browser, "decoded")
    dragged(browser, (0.8, 0.5))
    assert (first != pixels(browser, "decoded")).any()
    assert browser.problems == []


def test_a_browser_without_webassembly_says_so_and_shows_what_was_recorded(images, tmp_path):
    with chromium(tmp_path / "profile") as page:
        page.open("about:blank")
        page.run_first("delete globalThis.WebAssembly")
        page.open(f"{images.explorer.as_uri()}#vae")
        page.wait("document.getElementById('state').textContent.includes('can\\'t run in this browser')")
        assert text(page, "#pointed").startswith("Row ")
        assert np.ptp(pixels(page, "rebuilt")) > 50
        assert page.problems == []


@pytest.mark.parametrize("kind", ["images", "table", "signals"])
def test_nothing_is_cut_or_stands_in_the_way_of_people_at_any_width(browser, kind, request):
    ran = request.getfixturevalue(kind)
    opened(browser, ran, ran.params.variants[0])
    require_sound(browser, look(browser, ran.explorer.as_uri()))
