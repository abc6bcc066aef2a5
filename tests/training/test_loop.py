import json
import logging

import numpy as np
import pytest
import torch

from hourglass import models
from hourglass.errors import HourglassError
from hourglass.models.shared.batch import Batch
from hourglass.models.shared.terms import Context
from hourglass.training.loop import METRICS_FILE, fit, measure
from hourglass.training.settings import TrainSettings


def build(variant="autoencoder", **settings):
    latent = 6 if variant == "overcomplete" else 2
    return models.build(variant, (4,), {"latent": latent, "hidden": [8]} | settings, seed=0)


def records(folder):
    return [json.loads(line) for line in (folder / METRICS_FILE).read_text().splitlines()]


class KilledError(Exception):
    """Stands for whatever ends a process between two epochs."""


def kill_after(epoch):
    def watch(record):
        if record["epoch"] == epoch:
            raise KilledError

    return watch


@pytest.mark.parametrize(
    ("variant", "epoch"),
    [("autoencoder", 5), ("vae", 1), ("sparse", 3), ("adversarial", 3), ("cvae", 3), ("vq_vae", 3), ("vq_vae", 8)],
)
def test_a_resumed_training_equals_an_uninterrupted_one_bit_for_bit(variant, epoch, rows_of_noise, tmp_path):
    settings = TrainSettings(epochs=5, batch=16, checkpoint_seconds=0.0)
    whole, resumed, seen = build(variant), build(variant), []

    def train(model, folder, on_epoch=None):
        folder.mkdir(exist_ok=True)
        rows = (rows_of_noise(40, 0), rows_of_noise(10, 1))
        return fit(model, *rows, settings, seed=3, folder=folder, on_epoch=on_epoch)

    courses = train(whole, tmp_path / "whole")
    with pytest.raises(KilledError):
        train(build(variant), tmp_path / "resumed", kill_after(epoch))
    assert train(resumed, tmp_path / "resumed", seen.append) == courses
    assert [record["epoch"] for record in seen] == list(range(epoch, courses[-1].epoch + 1))
    assert resumed.state_dict().keys() == whole.state_dict().keys()
    for name, value in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name
    assert (tmp_path / "resumed" / METRICS_FILE).read_bytes() == (tmp_path / "whole" / METRICS_FILE).read_bytes()


def test_the_next_course_starts_from_the_best_weights_of_the_one_before_with_schedules_anew(rows_of_noise, tmp_path):
    model, validation = build("vq_vae", hidden=[64]), rows_of_noise(30, 1)
    settings = TrainSettings(epochs=40, batch=8, lr=1e-2, patience=40)
    first, second = fit(model, rows_of_noise(16, 0), validation, settings, seed=0, folder=tmp_path)
    assert (first.course, second.course, first.epoch, second.epoch) == ("autoencoder", "prior", 40, 80)
    assert first.best_epoch < 40 < second.best_epoch
    best = records(tmp_path)[first.best_epoch - 1]["validation"]
    assert measure(model, validation, seed=0) == pytest.approx(best), "the second course left the net alone"
    rates = [record["lr"] for record in records(tmp_path)]
    assert rates[:40] == rates[40:]


def test_a_damaged_checkpoint_makes_training_start_over_with_the_same_result(rows_of_noise, tmp_path, caplog):
    rows = (rows_of_noise(40, 0), rows_of_noise(10, 1))
    settings = TrainSettings(epochs=4, batch=16, checkpoint_seconds=0.0)
    with pytest.raises(KilledError):
        fit(build(), *rows, settings, seed=0, folder=tmp_path, on_epoch=kill_after(3))
    next(tmp_path.glob("checkpoint-*.safetensors")).write_bytes(b"damage")
    with caplog.at_level(logging.WARNING):
        fit(build(), *rows, settings, seed=0, folder=tmp_path)
    assert "training starts over" in caplog.text
    assert [record["epoch"] for record in records(tmp_path)] == [1, 2, 3, 4]


def test_a_finished_training_leaves_its_metrics_alone(rows_of_noise, tmp_path):
    settings = TrainSettings(epochs=2, checkpoint_seconds=0.0)
    fit(build(), rows_of_noise(20, 0), rows_of_noise(10, 1), settings, seed=0, folder=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [METRICS_FILE]


def test_the_weights_of_the_best_epoch_are_restored(rows_of_noise, tmp_path):
    model, validation = build(hidden=[64]), rows_of_noise(30, 1)
    settings = TrainSettings(epochs=80, batch=8, lr=1e-2, patience=80, schedule="constant")
    (course,) = fit(model, rows_of_noise(16, 0), validation, settings, seed=0, folder=tmp_path)
    monitors = [record["monitor"] for record in records(tmp_path)]
    assert course.best_epoch == 1 + monitors.index(min(monitors)) < 80
    assert measure(model, validation, seed=0)["reconstruction"] == min(monitors) == course.best


@pytest.mark.parametrize(("frozen", "moving"), [("encoder", "decoder"), ("decoder", "encoder")])
def test_a_frozen_net_keeps_its_weights_until_its_share_of_the_steps_is_over(frozen, moving, rows_of_noise, tmp_path):
    model, moved = build("vae"), []
    before = {name: value.clone() for name, value in model.named_parameters()}

    def watch(_record):
        changed = {name for name, value in model.named_parameters() if not torch.equal(value, before[name])}
        moved.append({part for part in ("encoder", "decoder") if any(name.startswith(part) for name in changed)})

    settings = TrainSettings(epochs=4, batch=10, weight_decay=0.1, **{f"freeze_{frozen}": 0.5})
    fit(model, rows_of_noise(40, 0), rows_of_noise(10, 1), settings, seed=0, folder=tmp_path, on_epoch=watch)
    assert moved == [{moving}] * 2 + [{moving, frozen}] * 2


@pytest.mark.parametrize("epoch", [1, 2, 4])
@pytest.mark.parametrize("variant", ["vae", "adversarial"])
def test_a_training_that_was_killed_while_a_net_stood_still_resumes_bit_for_bit(
    variant, epoch, rows_of_noise, tmp_path
):
    settings = TrainSettings(epochs=5, batch=16, checkpoint_seconds=0.0, freeze_decoder=0.5)
    rows, models_trained = (rows_of_noise(40, 0), rows_of_noise(10, 1)), []
    for name in ("whole", "resumed"):
        (tmp_path / name).mkdir()
    with pytest.raises(KilledError):
        fit(build(variant), *rows, settings, seed=3, folder=tmp_path / "resumed", on_epoch=kill_after(epoch))
    for name in ("whole", "resumed"):
        models_trained.append(model := build(variant))
        fit(model, *rows, settings, seed=3, folder=tmp_path / name)
    whole, resumed = (model.state_dict() for model in models_trained)
    assert all(torch.equal(resumed[name], value) for name, value in whole.items())
    assert records(tmp_path / "resumed") == records(tmp_path / "whole")


def test_patience_is_counted_from_when_nothing_stands_still(rows_of_noise, tmp_path):
    settings = TrainSettings(epochs=20, patience=3, kl_warmup=0.0, lr=1e-30, freeze_decoder=0.5)
    (course,) = fit(build(), rows_of_noise(20, 0), rows_of_noise(10, 1), settings, seed=0, folder=tmp_path)
    assert (course.best_epoch, course.epoch) == (1, 10 + 3)


PLATEAUS = TrainSettings(
    epochs=40, batch=8, lr=1e-2, warmup=0.0, schedule="plateau", plateau=3, patience=40, checkpoint_seconds=0.0
)


def test_the_rate_falls_at_the_plateaus_where_that_of_torch_does(rows_of_noise, tmp_path):
    fit(build(hidden=[64]), rows_of_noise(16, 0), rows_of_noise(30, 1), PLATEAUS, seed=0, folder=tmp_path)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1e-2)
    reference = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=3 - 1, threshold=0, eps=0)
    expected = []
    for record in records(tmp_path):
        expected.append(reference.get_last_lr()[0])
        reference.step(record["monitor"])
    assert len(set(expected)) > 2
    assert [record["lr"] for record in records(tmp_path)] == pytest.approx(expected)


def test_a_training_that_was_killed_between_plateaus_resumes_bit_for_bit(rows_of_noise, tmp_path):
    rows = (rows_of_noise(16, 0), rows_of_noise(30, 1))
    for name in ("whole", "resumed"):
        (tmp_path / name).mkdir()
    fit(build(hidden=[64]), *rows, PLATEAUS, seed=0, folder=tmp_path / "whole")
    rates = [record["lr"] for record in records(tmp_path / "whole")]
    between = 1 + rates.index(min(rates))
    with pytest.raises(KilledError):
        fit(build(hidden=[64]), *rows, PLATEAUS, seed=0, folder=tmp_path / "resumed", on_epoch=kill_after(between))
    fit(build(hidden=[64]), *rows, PLATEAUS, seed=0, folder=tmp_path / "resumed")
    assert records(tmp_path / "resumed") == records(tmp_path / "whole")


def test_a_collapsed_posterior_raises_an_alarm_in_every_epoch_after_the_warm_up(rows_of_noise, tmp_path):
    model = build("beta_vae", beta=1000.0)
    settings = TrainSettings(epochs=10, batch=10, lr=0.05, kl_warmup=0.4)
    fit(model, rows_of_noise(40, 0), rows_of_noise(40, 1), settings, seed=0, folder=tmp_path)
    told = [record["alarms"] for record in records(tmp_path)]
    assert told[:4] == [[]] * 4, "the KL hasn't its full weight yet"
    assert told[-1] == ["posterior_collapsed"]
    assert records(tmp_path)[-1]["code"]["mutual_information"] < 0.05


@pytest.mark.parametrize(
    ("variant", "kl_warmup", "last"),
    [("vae", 0.0, 1 + 3), ("vae", 0.5, 10 + 3), ("vae", 1.0, 20), ("autoencoder", 1.0, 1 + 3)],
)
def test_patience_is_counted_from_the_end_of_the_warm_up_where_a_kl_is_weighed(
    variant, kl_warmup, last, rows_of_noise, tmp_path
):
    too_small_to_move_a_weight = 1e-30
    settings = TrainSettings(epochs=20, patience=3, kl_warmup=kl_warmup, lr=too_small_to_move_a_weight)
    model = build(variant, likelihood="mse")
    (course,) = fit(model, rows_of_noise(20, 0), rows_of_noise(10, 1), settings, seed=0, folder=tmp_path)
    assert course.best_epoch == 1
    assert course.epoch == len(records(tmp_path)) == last


@pytest.mark.parametrize("damaged", ["train", "validation"])
def test_a_term_that_is_not_finite_stops_training_by_name_with_advice(damaged, rows_of_noise, tmp_path):
    rows = {"train": rows_of_noise(20, 0), "validation": rows_of_noise(10, 1)}
    x = rows[damaged].x.clone()
    x[0, 0] = torch.inf
    rows[damaged] = Batch.of(x)
    with pytest.raises(HourglassError, match=r"'reconstruction' is no longer finite in epoch 1; lower train\.lr"):
        fit(build(), rows["train"], rows["validation"], TrainSettings(epochs=3), seed=0, folder=tmp_path)


def test_a_training_that_diverges_is_stopped(rows_of_noise, tmp_path):
    settings = TrainSettings(epochs=200, lr=10.0, warmup=0.0, patience=200)
    model = build(hidden=[64, 64, 64], activation="relu")
    for parameter in model.parameters():
        parameter.data *= 1e6
    with pytest.raises(HourglassError, match=r"lower train\.lr \(now 10\) or set train\.clip"):
        fit(model, rows_of_noise(20, 0), rows_of_noise(10, 1), settings, seed=0, folder=tmp_path)


def test_batch_normalisation_is_refused_where_no_step_has_rows_enough_for_it(rows_of_noise, tmp_path):
    model, rows = build(normalisation="batch"), (rows_of_noise(20, 0), rows_of_noise(20, 1))
    with pytest.raises(HourglassError, match=r"needs at least 8 rows in a step, and there are 7; set train\.batch: 8"):
        fit(model, *rows, TrainSettings(epochs=1, batch=7), seed=0, folder=tmp_path)
    fit(model, *rows, TrainSettings(epochs=1, batch=8), seed=0, folder=tmp_path)


@pytest.mark.parametrize(
    ("variant", "without"),
    [("contractive", None), ("sparse", {"sparsity": "top_k"}), ("overcomplete", {"contraction": 0.0})],
)
def test_a_penalty_relative_to_codes_is_refused_where_no_step_tells_their_scale(
    variant, without, rows_of_noise, tmp_path
):
    few, rows = TrainSettings(epochs=1, batch=7), (rows_of_noise(20, 0), rows_of_noise(20, 1))
    scaled = {"contraction": 0.1} if variant == "overcomplete" else {}
    with pytest.raises(HourglassError, match=r"scale of codes needs at least 8 rows in a step, and there are 7"):
        fit(build(variant, **scaled), *rows, few, seed=0, folder=tmp_path)
    if without:
        fit(build(variant, **without), *rows, few, seed=0, folder=tmp_path)


def test_a_warm_up_over_all_steps_still_warns_in_the_end(rows_of_noise, tmp_path):
    settings = TrainSettings(epochs=20, batch=16, kl_warmup=1.0)
    fit(build("beta_vae", beta=1000.0), rows_of_noise(96, 0), rows_of_noise(40, 1), settings, seed=0, folder=tmp_path)
    told = [record["alarms"] for record in records(tmp_path)]
    assert told[-1] == ["posterior_collapsed"]
    assert not any(told[:18])


@pytest.mark.parametrize("empty", ["train", "validation"])
def test_a_split_without_rows_is_refused(empty, rows_of_noise, tmp_path):
    rows = {"train": rows_of_noise(5, 0), "validation": rows_of_noise(5, 1)} | {empty: rows_of_noise(0, 0)}
    with pytest.raises(HourglassError, match="at least one row in train and one in validation"):
        fit(build(), rows["train"], rows["validation"], TrainSettings(), seed=0, folder=tmp_path)


def test_metrics_hold_reconstruction_and_kl_apart(rows_of_noise, tmp_path):
    seen = []
    settings = TrainSettings(epochs=4, batch=10, kl_warmup=0.5, warmup=0.0, schedule="constant", lr=0.01)
    validation = rows_of_noise(10, 1)
    fit(build("vae"), rows_of_noise(20, 0), validation, settings, seed=0, folder=tmp_path, on_epoch=seen.append)
    assert records(tmp_path) == seen
    for epoch, record in enumerate(seen, start=1):
        assert (record["epoch"], record["step"], record["lr"]) == (epoch, 2 * epoch, 0.01)
        assert record["kl_weight"] == min(1.0, (2 * epoch - 1) / 4)
        assert record["train"].keys() == record["validation"].keys() == {"reconstruction", "kl"}
        assert record["monitor"] == pytest.approx(sum(record["validation"].values()))


def test_a_measure_averages_over_rows_and_not_over_batches(rows_of_noise):
    model, rows = build(), rows_of_noise(4100, 0)
    with torch.no_grad():
        value = model.losses(rows, Context(torch.Generator()))["reconstruction"].value
    assert measure(model, rows, seed=0)["reconstruction"] == pytest.approx(value.double().mean().item(), rel=1e-6)


@pytest.mark.parametrize("variant", models.names())
def test_the_seed_decides_the_whole_training(variant, rows_of_noise, tmp_path):
    curves, settings = [], TrainSettings(epochs=2, batch=16)
    for number, seed in enumerate((1, 1, 2)):
        (folder := tmp_path / str(number)).mkdir()
        fit(build(variant), rows_of_noise(40, 0), rows_of_noise(10, 1), settings, seed=seed, folder=folder)
        curves.append(records(folder))
    assert curves[0] == curves[1] != curves[2]


def weights_of(model):
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def test_clipping_below_adams_epsilon_all_but_stops_the_first_step(rows_of_noise, tmp_path):
    rows, steps = rows_of_noise(20, 0), []
    for clip in (None, 1e-9):
        (folder := tmp_path / str(clip)).mkdir()
        model = build()
        fit(model, rows, rows, TrainSettings(epochs=1, clip=clip), seed=0, folder=folder)
        steps.append((weights_of(model) - weights_of(build())).norm())
    assert steps[1] < 0.1 * steps[0]


def test_weight_decay_shrinks_weights(rows_of_noise, tmp_path):
    norms = []
    for decay in (0.0, 1.0):
        (folder := tmp_path / str(decay)).mkdir()
        model, settings = build(), TrainSettings(epochs=20, lr=1e-2, weight_decay=decay, patience=20)
        fit(model, rows_of_noise(40, 0), rows_of_noise(40, 0), settings, seed=0, folder=folder)
        norms.append(weights_of(model).norm())
    assert norms[1] < norms[0]


#: Monitors by epoch, on the day this was written; a change of any of them is a change of every result.
GOLDEN = {
    "autoencoder": [3.83723, 3.8176, 3.81094, 3.8082, 3.80753],
    "vae": [6.09998, 6.00498, 5.95883, 5.94229, 5.93867],
}


@pytest.mark.parametrize("variant", GOLDEN)
def test_the_loss_curve_is_the_stored_one(variant, rows_of_noise, tmp_path):
    settings = TrainSettings(epochs=5, batch=16, lr=5e-3)
    fit(build(variant), rows_of_noise(64, 0), rows_of_noise(32, 1), settings, seed=0, folder=tmp_path)
    curve = [record["monitor"] for record in records(tmp_path)]
    np.testing.assert_allclose(curve, GOLDEN[variant], rtol=1e-4)
