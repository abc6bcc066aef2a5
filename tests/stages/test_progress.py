import pytest

from hourglass.stages.progress import EpochProgress


def record(epoch, active, kl_weight=1.0):
    code = {} if active is None else {"active_units": active}
    return {"epoch": epoch, "kl_weight": kl_weight, "validation": {"reconstruction": 1.0}, "code": code}


def test_a_collapsed_posterior_is_told_once_with_what_helps(capsys):
    with EpochProgress("vae", 10) as show:
        for epoch in (1, 2, 3):
            show(record(epoch, 0.0))
    alarm = "vae: epoch 1: the posterior collapsed: no latent unit is active"
    told = capsys.readouterr().err
    assert told.startswith(alarm)
    assert told.count("collapsed") == 1
    assert all(remedy in told for remedy in ("free_bits", "beta", "train.kl_warmup", "train.kl_cycles"))


@pytest.mark.parametrize("healthy", [record(1, 3.0), record(1, 0.0, kl_weight=0.5), record(1, None)], ids=str)
def test_there_is_no_alarm_before_the_kl_has_its_weight_nor_without_need(healthy, capsys):
    with EpochProgress("vae", 10) as show:
        show(healthy)
    assert capsys.readouterr().err == ""
