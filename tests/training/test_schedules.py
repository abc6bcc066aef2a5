from math import pi

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from hourglass.errors import HourglassError
from hourglass.training.schedules import Schedules
from hourglass.training.settings import TrainSettings

shares = st.floats(0, 0.99)


def lrs(steps, **settings):
    schedules = Schedules(TrainSettings(**settings), steps)
    return [schedules.lr(step) for step in range(steps)]


def test_the_cosine_is_that_of_torch():
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=0.3)
    reference = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=50)
    expected = []
    for _ in range(50):
        expected.append(reference.get_last_lr()[0])
        optimizer.step()
        reference.step()
    assert lrs(50, lr=0.3, warmup=0.0, schedule="cosine") == pytest.approx(expected)


@pytest.mark.parametrize("warmup", [0.3, 0.5])
def test_the_cycle_is_that_of_torch(warmup):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.3)
    reference = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.3, 50, pct_start=warmup, cycle_momentum=False)
    expected = []
    for _ in range(50):
        expected.append(reference.get_last_lr()[0])
        optimizer.step()
        reference.step()
    assert lrs(50, lr=0.3, warmup=warmup, schedule="one_cycle") == pytest.approx(expected)


def test_a_plateau_takes_a_tenth_of_the_rate_each_time():
    schedules = Schedules(TrainSettings(lr=0.5, warmup=0.5, schedule="plateau"), 10)
    assert [schedules.lr(9, lowered) for lowered in range(3)] == pytest.approx([0.5, 0.05, 0.005])
    assert schedules.lr(0, 0) == pytest.approx(0.5 / 6)


def test_a_plateau_that_training_would_not_live_to_see_is_refused():
    with pytest.raises(HourglassError, match=r"train\.plateau is 10 and train\.patience 10"):
        TrainSettings(schedule="plateau", plateau=10, patience=10)


def test_the_warm_up_is_linear_and_ends_at_the_peak():
    assert lrs(10, lr=1.0, warmup=0.4, schedule="constant") == pytest.approx([0.2, 0.4, 0.6, 0.8, *[1.0] * 6])


@given(st.integers(1, 500), shares, st.sampled_from(["constant", "cosine", "one_cycle", "plateau"]))
def test_the_rate_is_positive_and_never_above_its_peak(steps, warmup, schedule):
    values = lrs(steps, lr=0.5, warmup=warmup, schedule=schedule)
    assert min(values) > 0
    assert max(values) <= 0.5


@given(st.integers(100, 1000), st.floats(0, 0.5))
def test_the_cosine_ends_near_zero(steps, warmup):
    assert lrs(steps, lr=1.0, warmup=warmup)[-1] <= (pi / steps) ** 2


@given(st.integers(1, 1000), st.floats(0.01, 1))
def test_the_weight_of_the_kl_rises_linearly_from_zero_to_one(steps, share):
    schedules = Schedules(TrainSettings(kl_warmup=share), steps)
    weights = [schedules.kl_weight(step) for step in range(steps + 1)]
    assert weights == pytest.approx([min(1.0, step / (share * steps)) for step in range(steps + 1)])
    assert weights[0] == 0
    assert weights[-1] == pytest.approx(1)


def test_without_a_warm_up_the_kl_counts_in_full_from_the_start():
    assert Schedules(TrainSettings(kl_warmup=0.0), 10).kl_weight(0) == 1


@given(st.integers(1, 100), st.integers(1, 100), st.floats(0, 1), shares, shares)
def test_schedules_follow_the_share_of_steps_whatever_the_size_of_the_data(few, times, place, warmup, kl_warmup):
    settings = TrainSettings(warmup=warmup, kl_warmup=kl_warmup)
    small, large = Schedules(settings, few), Schedules(settings, few * times)
    step = int(place * few)
    assert large.kl_weight(step * times) == pytest.approx(small.kl_weight(step))
    assume(step >= warmup * few and few - warmup * few >= 1)
    assert large.lr(step * times) == pytest.approx(small.lr(step), abs=1e-12)


def test_the_kl_weight_rises_in_each_cycle_and_stays_in_the_last():
    schedules = Schedules(TrainSettings(kl_warmup=0.5, kl_cycles=4), 80)
    weights = [schedules.kl_weight(step) for step in range(81)]
    assert weights[:21] == [*(step / 10 for step in range(10)), *[1.0] * 10, 0.0]
    assert weights[20:40] == weights[:20]
    assert weights[70:] == [1.0] * 11
    assert schedules.warm == 0.875


def test_a_part_stands_still_for_its_share_of_the_steps_and_then_moves():
    schedules = Schedules(TrainSettings(freeze_decoder=0.3, kl_warmup=0.1), 10)
    assert [schedules.frozen(step) for step in range(10)] == [("decoder", "likelihood")] * 3 + [()] * 7
    assert schedules.thawed == 0.3
    schedules = Schedules(TrainSettings(freeze_encoder=0.1, kl_warmup=0.4), 10)
    assert [schedules.frozen(step) for step in range(10)] == [("encoder",)] + [()] * 9
    assert schedules.thawed == 0.1


def test_what_moves_nothing_is_refused():
    with pytest.raises(HourglassError, match=r"train\.freeze_encoder and train\.freeze_decoder are both above 0"):
        TrainSettings(freeze_encoder=0.1, freeze_decoder=0.2)
