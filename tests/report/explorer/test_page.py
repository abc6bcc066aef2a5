"""The explorer as a file."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from hourglass.files import sha256_of
from hourglass.report.explorer import contents as filled
from hourglass.report.explorer import packing, page
from hourglass.report.gather import collect
from hourglass.runtime import Model
from hourglass.runtime.graphs import Graph

VENDORED = [
    Path(page.__file__).parent / "vendor" / "onnxruntime-web",
    Path(__file__).parents[2] / "vendor" / "axe-core",
]


class Scripts(HTMLParser):
    """The scripts of a page by type, and what it refers to."""

    def __init__(self, text):
        super().__init__()
        self.found, self.links, self.policy, self._type = {}, [], "", None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.links += [value for name, value in attrs if name in {"src", "href"}]
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"]
        self._type = given["type"] if tag == "script" else None

    def handle_endtag(self, tag):
        self._type = None

    def handle_data(self, data):
        if self._type:
            self.found.setdefault(self._type, []).append(data)


@pytest.fixture(scope="module")
def scripts(images):
    return Scripts(images.explorer.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def shown(scripts):
    (text,) = (one for one in scripts.found["application/json"])
    return json.loads(text)


@pytest.mark.parametrize("kind", ["images", "table", "signals"])
def test_the_page_has_at_most_twelve_megabytes(kind, request):
    assert request.getfixturevalue(kind).explorer.stat().st_size <= page.LIMIT == 12_000_000


def test_the_page_refers_to_nothing_but_itself_and_the_report(scripts):
    assert {link.partition("#")[0] for link in scripts.links} == {"", "index.html"}


def test_only_the_scripts_of_the_page_may_run(scripts):
    hashes = [base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in scripts.found["module"]]
    allowed = " ".join(f"'sha256-{one}'" for one in hashes)
    assert f"script-src {allowed} 'wasm-unsafe-eval'" in scripts.policy
    assert scripts.policy.startswith("default-src 'none'; ")


def test_a_hostile_class_ends_no_script(scripts, shown):
    assert "<" not in scripts.found["application/json"][0]
    assert "<script>alert('3')</script>" in [one["name"] for one in shown["classes"]]


def test_the_page_is_the_same_twice(images):
    facts = collect(images.project, images.params, None)
    assert page.page(images.project, images.params, facts) == images.explorer.read_text(encoding="utf-8")


def test_codes_and_rows_are_those_of_the_package(images, shown):
    facts = collect(images.project, images.params, None)
    (vae,) = (one for one in shown["variants"] if one["name"] == "vae")
    model = Model(images.project.output("package", "vae"))
    original = packing.unpacked(shown["rows"]["x"])[..., 0] / 255 * 16
    assert packing.unpacked(vae["codes"]) == pytest.approx(model.encode(original), abs=0.05)
    rebuilt = packing.unpacked(vae["rebuilt"])[..., 0] / 255 * 16
    assert rebuilt == pytest.approx(model.reconstruct(original).clip(0, 16), abs=0.15)
    assert vae["scores"] == pytest.approx(model.anomaly_score(original), rel=0.1)
    assert len(original) == len(facts.variants[0].latent_map.layout)


def test_the_page_holds_what_the_package_decodes_for_comparison(images, shown):
    for variant in shown["variants"]:
        graph = Graph(images.project.output("package", variant["name"]) / "decode.onnx")
        z = packing.unpacked(variant["codes"])[:4]
        expected = graph.run(z)["x_hat"].reshape(4, -1)
        assert packing.unpacked(variant["check"]["x_hat"]) == pytest.approx(expected, abs=1e-6)


@pytest.fixture
def few_rows(images, monkeypatch):
    """Give what is shown where there is so much room, with always as many rows."""
    monkeypatch.setattr(filled, "_ROWS", (12,))
    facts = collect(images.project, images.params, None)
    return lambda room: filled.contents(images.project, images.params, facts, room)


def test_without_room_a_grid_stands_in_for_decoders(few_rows):
    for variant in few_rows(10_000)["variants"]:
        assert "graph" not in variant
        assert variant["bytes"] > 10_000
        grid = packing.unpacked(variant["grid"]["rows"])
        assert grid.shape == (variant["grid"]["side"] ** 2, 8, 8, 1)
        assert np.ptp(grid, axis=0).max() > 50


def test_room_for_one_decoder_goes_to_the_first_variant(few_rows):
    whole = few_rows(page.LIMIT)
    assert all("graph" in variant for variant in whole["variants"])
    room = len(filled.as_json(whole)) - len(whole["variants"][1]["graph"]) // 2
    found = few_rows(room)
    assert ["graph" in variant for variant in found["variants"]] == [True, False]
    assert len(filled.as_json(found)) <= room


def test_the_less_room_the_fewer_rows(images):
    facts = collect(images.project, images.params, None)
    rows = [
        len(filled.contents(images.project, images.params, facts, room)["rows"]["index"]) for room in (10**4, 10**5)
    ]
    assert rows == [12, 100]


def test_columns_of_a_table_have_ends_in_the_nets_units(table):
    found = json.loads(Scripts(table.explorer.read_text(encoding="utf-8")).found["application/json"][0])
    facts = collect(table.project, table.params, None)
    ends = np.array([[one[end] for one in facts.data.statistics] for end in ("min", "max")])
    assert [[one["low"], one["high"]] for one in found["columns"]] == pytest.approx(facts.data.normaliser(ends).T)


def test_a_report_in_a_worktree_has_no_explorer(tmp_path):
    from hourglass.project import Project

    home = Project(tmp_path, tmp_path)
    apart = home.state / "worktrees" / "one"
    assert home.explorer == tmp_path / "reports" / "explorer.html"
    assert Project(apart, tmp_path).explorer is None


@pytest.mark.parametrize("folder", VENDORED, ids=lambda folder: folder.name)
def test_what_is_vendored_is_what_its_source_says(folder):
    listed = dict(
        re.findall(r"^\| `([^`]+)` \| `([0-9a-f]{64})` \|$", (folder / "SOURCE.md").read_text(), re.MULTILINE)
    )
    assert listed == {name: sha256_of(folder / name) for name in listed}
    assert {path.name for path in folder.iterdir()} == {*listed, "LICENSE", "SOURCE.md"}
