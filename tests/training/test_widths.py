from contextlib import nullcontext
from dataclasses import replace

import pytest
import torch

from hourglass import models
from hourglass.errors import HourglassError
from hourglass.models.shared.batch import Batch
from hourglass.training.loop import METRICS_FILE
from hourglass.training.settings import TrainSettings
from hourglass.training.widths import choose, clearly_lower

FEATURES = 12
SETTINGS = TrainSettings(epochs=40, batch=16, lr=0.03, auto_epochs=0.5, auto_gain=0.3, checkpoint_seconds=0.0)


class KilledError(Exception):
    """Stands for whatever ends a process between two epochs."""


def plane(rows, seed, width=3, noise=0.05):
    """Draw rows that lie near a linear surface of `width` dimensions."""
    basis = torch.linalg.qr(torch.randn(FEATURES, width, generator=torch.Generator().manual_seed(9)))[0]
    generator = torch.Generator().manual_seed(seed)
    surface = torch.randn(rows, width, generator=generator) @ basis.T
    return Batch.of(surface + noise * torch.randn(rows, FEATURES, generator=generator))


def linear(latent):
    return models.build("autoencoder", (FEATURES,), {"latent": latent, "hidden": []}, seed=0)


def unwatched(_latent, _epochs):
    return nullcontext(lambda _record: None)


def search(folder, build=linear, width=3, watch=unwatched, settings=SETTINGS, narrowest=1, widest=FEATURES):
    rows = (plane(320, 0, width), plane(200, 1, width))
    ends = {"narrowest": narrowest, "widest": widest}
    return choose(build, *rows, settings, **ends, seed=0, folder=folder / "widths", watch=watch)


@pytest.mark.parametrize("width", [1, 3, 4])
def test_the_width_of_the_surface_is_found(width, tmp_path):
    found = search(tmp_path, width=width)
    assert found.chosen == width
    assert [one.latent for one in found.tried] == {1: [1, 2, 4], 3: [1, 2, 3, 4, 8], 4: [1, 2, 3, 4, 8]}[width]


def test_growth_ends_before_the_width_of_a_row_where_a_code_could_copy(tmp_path):
    found = search(tmp_path, width=FEATURES, settings=replace(SETTINGS, auto_gain=0.05))
    assert found.chosen == max(one.latent for one in found.tried) == 8


def test_a_single_width_that_is_no_better_does_not_end_the_growth(tmp_path):
    def stuck_at_two(latent):
        model = linear(latent)
        if latent == 2:
            for parameter in model.parameters():
                parameter.requires_grad_(False).zero_()
            model.decoder[0].bias.requires_grad_(True)
        return model

    assert search(tmp_path, stuck_at_two).chosen == 3


def test_all_widths_are_multiples_of_the_narrowest(tmp_path):
    assert {one.latent % 3 for one in search(tmp_path, narrowest=3, settings=replace(SETTINGS, epochs=4)).tried} == {0}


def test_the_error_is_that_of_a_net_trained_for_a_share_of_the_epochs(tmp_path):
    seen = []
    found = search(tmp_path, watch=lambda latent, epochs: nullcontext(seen.append) if epochs == 20 else None)
    assert len(seen) == sum(one.epochs for one in found.tried) == 20 * len(found.tried)
    error = {one.latent: one.error for one in found.tried}
    assert error[3] == pytest.approx(0.05**2 * (1 - 3 / FEATURES), rel=0.1), "the noise off the surface is left"
    monitors = [one.monitor / FEATURES for one in found.tried]
    assert monitors == pytest.approx([one.error for one in found.tried]), "MSE is summed over values there"


@pytest.mark.parametrize("killed_at", [(1, 3), (2, 1), (2, 4), (4, 2)])
def test_a_killed_search_resumes_with_the_same_result_bit_for_bit(killed_at, tmp_path):
    trained, short = [], replace(SETTINGS, epochs=4, auto_epochs=1.0)

    def watch(latent, _epochs):
        def show(record):
            if (latent, record["epoch"]) == killed_at:
                raise KilledError

        return nullcontext(show)

    def again(latent, _epochs):
        return nullcontext(lambda record: trained.append((latent, record["epoch"])))

    for name in ("whole", "resumed"):
        (tmp_path / name).mkdir()
    whole = search(tmp_path / "whole", settings=short)
    with pytest.raises(KilledError):
        search(tmp_path / "resumed", settings=short, watch=watch)
    assert search(tmp_path / "resumed", settings=short, watch=again) == whole
    assert trained[0] == killed_at, "only the epoch whose checkpoint was not yet written runs again"


def test_results_stay_and_trainings_go(tmp_path):
    found = search(tmp_path, settings=replace(SETTINGS, epochs=4))
    there = {path.name for path in (tmp_path / "widths").rglob("*")}
    assert there == {f"{one.latent}.safetensors" for one in found.tried}
    assert METRICS_FILE not in there


def test_a_gain_must_exceed_the_share_that_is_asked_for():
    errors = torch.ones(1000, dtype=torch.float64)
    assert clearly_lower(errors * 0.89, errors, gain=0.1)
    assert not clearly_lower(errors * 0.91, errors, gain=0.1)
    assert not clearly_lower(errors * 1.5, errors, gain=0.1)


def test_a_gain_must_exceed_twice_the_standard_error_of_the_differences():
    others = torch.full((100,), 10.0, dtype=torch.float64)
    spread = torch.tensor([-1.0, 1.0], dtype=torch.float64).repeat(50)  # its mean has a standard error of 0.1
    for saved, expected in ((1.9, False), (2.1, True)):
        assert clearly_lower(others - saved - 10 * spread, others, gain=0.01) is expected


def test_only_the_code_is_trained_and_not_what_waits_for_it(tmp_path):
    courses = set()
    settings = TrainSettings(epochs=8, auto_epochs=0.25)
    search(
        tmp_path,
        lambda latent: models.build("vq_vae", (FEATURES,), {"latent": latent, "hidden": [8], "width": 8}, seed=0),
        watch=lambda _latent, _epochs: nullcontext(lambda record: courses.add(record["course"])),
        settings=settings,
        narrowest=2,
    )
    assert courses == {"autoencoder"}


def test_a_quantised_code_grows_in_whole_pieces():
    assert models.get("vq_vae").narrowest({"pieces": 3}) == 3
    assert models.get("vq_vae").narrowest({"pieces": None}) == models.get("vae").narrowest({}) == 2


def test_growth_ends_where_rounded_units_would_make_more_entries_than_the_transformer_tells_apart(tmp_path):
    quantised = {"quantiser": "finite", "pieces": 1, "levels": 7}
    widest = models.get("vq_vae").widest(quantised)
    settings = quantised | {"hidden": [], "width": 4}
    models.build("vq_vae", (FEATURES,), settings | {"latent": widest}, seed=0)
    with pytest.raises(HourglassError, match="fewer levels or more pieces"):
        models.build("vq_vae", (FEATURES,), settings | {"latent": widest + 1}, seed=0)
    found = search(tmp_path, width=FEATURES, settings=replace(SETTINGS, auto_gain=0.01), widest=5)
    assert found.chosen == max(one.latent for one in found.tried) == 4


def test_what_makes_no_entries_of_units_may_grow_to_any_width():
    assert models.get("vq_vae").widest({"quantiser": "finite", "pieces": None, "levels": 7}) == 65_536
    assert models.get("vq_vae").widest({"quantiser": "codebook", "pieces": 1, "levels": 7}) == 65_536
