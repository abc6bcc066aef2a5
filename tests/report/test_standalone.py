"""Figures that stand by themselves, as MLflow's pages show them."""

from xml.etree import ElementTree as ET

from hourglass.report.standalone import figures


def test_each_figure_of_a_variant_is_a_picture_with_its_own_colours(images):
    drawn = figures(images.project, images.params, "vae")
    assert {f"figures/{name}.svg" for name in ("curve_reconstruction", "curve_kl", "roc", "scores", "map")} <= set(
        drawn
    )
    for picture in drawn.values():
        assert ET.fromstring(picture).tag.endswith("svg")
        assert "--surface:" in picture
