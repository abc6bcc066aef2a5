from hourglass.models.shared.alarms import POSTERIOR_COLLAPSED, UNITS_IDLE, WORDS
from hourglass.stages.progress import EpochProgress


def record(epoch, *alarms):
    return {"epoch": epoch, "validation": {"reconstruction": 1.0}, "alarms": list(alarms)}


def test_each_alarm_is_told_once_with_what_helps(capsys):
    with EpochProgress("vae", 10) as show:
        show(record(1))
        show(record(2, UNITS_IDLE))
        for epoch in (3, 4):
            show(record(epoch, POSTERIOR_COLLAPSED))
        show(record(5, UNITS_IDLE))
    told = capsys.readouterr().err.splitlines()
    assert told == [f"vae: epoch 2: {WORDS[UNITS_IDLE]}", f"vae: epoch 3: {WORDS[POSTERIOR_COLLAPSED]}"]


def test_a_sound_training_raises_no_alarm(capsys):
    with EpochProgress("vae", 10) as show:
        show(record(1))
    assert capsys.readouterr().err == ""
