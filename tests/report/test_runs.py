"""What differs from run to run stands by its variant, and what all have alike stands once."""

from types import SimpleNamespace
from typing import Any

from hourglass.report import runs


def variant(name: str, courses: int = 1, **given: Any) -> Any:
    usual: dict[str, Any] = {"latent": 4, "hidden": None}
    course = SimpleNamespace(epoch=1200, step=96_000, best_epoch=1100)
    model = {"settings": usual | given, "parameters": 12_345, "seed": 7, "fingerprint": {"torch": "2.0"}}
    evaluation = {"ensemble": {"members": 3, "relative_spread": 0.0123}} if courses > 1 else {}
    loop = {"lr": 0.002, "amp": False}
    keys = {f"train@{name}": "ab12", "compare": "cd34"}
    return SimpleNamespace(
        name=name, model=model, loop=loop, courses=[course] * courses, evaluation=evaluation, keys=keys
    )


def test_what_all_have_alike_is_named_once_and_the_rest_by_its_variant() -> None:
    variants = (variant("vae"), variant("beta_vae", beta=4.0), variant("sparse", latent=32))
    assert runs.shared(variants) == {
        "hidden": "null",
        "train.amp": "False",
        "train.lr": "0.002",
        "seed": "7",
        "fingerprint torch": "2.0",
    }
    assert [run.settings for run in runs.of_each(variants)] == [
        {"latent": "4"},
        {"beta": "4.0", "latent": "4"},
        {"latent": "32"},
    ]


def test_a_run_tells_its_numbers_in_full_and_the_key_of_each_stage() -> None:
    (run,) = runs.of_each((variant("vae"),))
    assert (run.parameters, run.epochs, run.best, run.steps) == ("12,345", "1,200", "1,100", "96,000")
    assert run.keys == {"train": "ab12", "package": "", "evaluate": ""}
    assert (run.settings, run.members) == ({}, "")


def test_of_an_ensemble_the_best_epoch_of_each_net_is_told() -> None:
    (run,) = runs.of_each((variant("vae", courses=3),))
    assert run.best == "1,100, 1,100, 1,100"
    assert run.members == "3 nets, scores of a normal row apart by 1.2% (median)"
