import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel

import hourglass
from hourglass import models, params
from hourglass.errors import HourglassError
from hourglass.settings import declared_settings
from hourglass.training.settings import TrainSettings

COMMITTED = Path(__file__).parents[1] / "params.yaml"
SMALLEST = "variants: [vae]\nvae: {}\n"


@pytest.fixture
def load(tmp_path):
    def load(text):
        path = tmp_path / "params.yaml"
        path.write_text(text)
        return params.load(path).check()

    return load


def test_defaults_fill_what_is_not_said(load):
    loaded = load(SMALLEST)
    assert loaded.seed == 0
    assert loaded.train == TrainSettings()
    assert loaded.split.shares == (0.6, 0.1, 0.1, 0.1, 0.1)
    declared = declared_settings(models.get("vae"))
    assert loaded.settings_of("vae") == {name: entry.default for name, entry in declared.items()}


def test_a_training_that_would_wait_for_ever_for_its_gpus_is_refused(load):
    with pytest.raises(HourglassError, match=r"run\.gpus is 1, and train\.devices 2: no training would ever start"):
        load(SMALLEST + "train: {devices: 2}\nrun: {gpus: 1}\n")
    load(SMALLEST + "train: {devices: 2, device: cpu}\nrun: {gpus: 1}\n")


def test_what_is_said_is_kept(load):
    loaded = load("seed: 7\nvariants: [vae]\nvae: {latent: 3, hidden: [20, 10]}\ntrain: {lr: 1e-2, clip: 1}\n")
    assert loaded.seed == 7
    assert (loaded.train.lr, loaded.train.clip) == (0.01, 1.0)
    assert (loaded.settings_of("vae")["latent"], loaded.settings_of("vae")["hidden"]) == (3, [20, 10])


def test_the_width_of_a_code_may_be_left_to_training_unless_it_must_exceed_the_rows(load):
    assert load("variants: [vae]\nvae: {latent: auto}\n").settings_of("vae")["latent"] == "auto"
    with pytest.raises(HourglassError, match=r"overcomplete\.latent is 'auto'; it should be a valid integer\."):
        load("variants: [overcomplete]\novercomplete: {latent: auto}\n")


@pytest.mark.parametrize(("text", "sigma"), [("0.1", 0.1), ("1", 1.0), ("learned", "learned")])
def test_a_setting_takes_a_word_or_a_number(load, text, sigma):
    assert load(f"variants: [vae]\nvae: {{sigma: {text}}}\n").settings_of("vae")["sigma"] == sigma


def test_a_section_of_a_variant_that_is_not_listed_may_stay(load):
    assert load(SMALLEST + "autoencoder: {latent: 4}\n").variants == ["vae"]


SENTENCES = {
    "splt: {}": "unknown key 'splt'; did you mean 'split'?",
    "zzz: 1": "unknown key 'zzz'; known are adversarial, anomaly, autoencoder,",
    "sections: {}": "unknown key 'sections';",
    "split: {trian: 0.6}": "unknown key 'split.trian'; did you mean 'split.train'?",
    "train: {epoch: 3}": "unknown key 'train.epoch'; did you mean 'train.epochs'?",
    "train: {lr: 0}": "train.lr is 0; it should be greater than 0.",
    "train: {lr: .inf}": "train.lr is inf; it should be a finite number.",
    "train: {clip: -1}": "train.clip is -1; it should be greater than 0.",
    "train: {epochs: true}": "train.epochs is True; it should be a valid integer.",
    "train: {epochs: 2.5}": "train.epochs is 2.5; it should be a valid integer.",
    "train: {device: gpu}": "train.device is 'gpu'; it should be 'auto', 'cpu' or 'cuda'.",
    "train:": "train must hold keys with values, not None.",
    "data: 3": "data must hold keys with values, not 3.",
    "data: {columns: {a: nmber}}": "data.columns.a is 'nmber'; it should be 'auto', 'number', 'boolean', ",
    "data: {columns: {a: {typ: number}}}": "unknown key 'data.columns.a.typ'; did you mean 'data.columns.a.type'?",
    "data: {columns: {a: {encode: hot}}}": "data.columns.a.encode is 'hot'; it should be 'auto', 'onehot' ",
    "data: {columns: {a: {scale: 3}}}": "data.columns.a.scale is 3; it should be 'auto', 'standard', ",
    "data: {columns: {a: [number]}}": "data.columns.a must hold keys with values, not ['number'].",
    "data: {normal: [1]}": "data: `normal` and `anomalous` need `label`, the column that they are values of.",
    "data: {label: a}": "data: `label` needs exactly one of `normal` and `anomalous`, a list of its values.",
    "data: {label: a, normal: [1], anomalous: [2]}": "data: `label` needs exactly one of",
    "seed: -1": "seed is -1; it should be greater than or equal to 0.",
    "split: {train: 0.5}": "split: the five shares must sum to 1, not 0.9.",
    "split: {by: time}": "split: `column` goes with `by: group`, `time` or `given`, and they with it.",
    "split: {column: day}": "split: `column` goes with `by: group`, `time` or `given`, and they with it.",
    "anomaly: {alpha: 1}": "anomaly.alpha is 1; it should be less than 1.",
    "registry: {name: two words}": "registry.name is 'two words'; it should match pattern",
    "run: {gpus: 0}": "run.gpus is 0; it should be greater than or equal to 1.",
    "schedule: {corn: x}": "unknown key 'schedule.corn'; did you mean 'schedule.cron'?",
    "schedule: {cron: 3}": "schedule.cron is 3; it should be a valid string.",
    "schedule: {timezone: Europe/Berln}": "schedule.timezone: there is no time zone 'Europe/Berln'; `Europe/Berlin`",
    "schedule: {timezone: ../etc}": "schedule.timezone: there is no time zone '../etc';",
    "1: 2": "unknown key '1';",
}


@pytest.mark.parametrize(("text", "sentence"), SENTENCES.items(), ids=SENTENCES)
def test_a_mistake_is_told_in_a_sentence(load, text, sentence):
    with pytest.raises(HourglassError) as refusal:
        load(f"{SMALLEST}{text}\n")
    assert str(refusal.value).startswith(f"params.yaml: {sentence}")


OF_VARIANTS = {
    "vae: {latnt: 3}": "unknown key 'vae.latnt'; did you mean 'vae.latent'?",
    "vae: {latent: 0}": "vae.latent is 0; it should be greater than or equal to 1, or 'auto'.",
    "vae: {latent: wide}": "vae.latent is 'wide'; it should be a valid integer, or 'auto'.",
    "vae: {latent: true}": "vae.latent is True; it should be a valid integer, or 'auto'.",
    "vae: {hidden: [8, 0]}": "vae.hidden.1 is 0; it should be greater than or equal to 1.",
    "vae: {activation: rlu}": "vae.activation is 'rlu'; it should be 'relu', 'silu', 'gelu', 'tanh' or 'elu'.",
    "vae: {likelihood: bec}": "vae.likelihood is 'bec'; it should be 'mse', 'bce', 'bernoulli', 'gaussian', 'laplace', "
    "'categorical' or 'mixed'.",
    "vae: {sigma: wide}": "vae.sigma is 'wide'; it should be 'optimal', 'per_feature', 'learned' or 'predicted', or a "
    "valid number.",
    "vae: {sigma: 0}": "vae.sigma is 0; it should be 'optimal', 'per_feature', 'learned' or 'predicted', or greater "
    "than 0.",
    "vae: []": "'vae' listed in variants without a section; for defaults add `vae: {}`.",
    "vae:": "'vae' listed in variants without a section; for defaults add `vae: {}`.",
    "seed: 1": "'vae' listed in variants without a section; for defaults add `vae: {}`.",
}


def test_all_variants_without_a_section_are_named_at_once(load):
    with pytest.raises(HourglassError, match=r"'rae', 'sparse' listed in .* add `rae: \{\}` and `sparse: \{\}`"):
        load("variants: [rae, vae, sparse]\nvae: {}\n")


@pytest.mark.parametrize(("text", "sentence"), OF_VARIANTS.items(), ids=OF_VARIANTS)
def test_a_mistake_in_a_variants_section_is_told_in_a_sentence(load, text, sentence):
    with pytest.raises(HourglassError) as refusal:
        load(f"variants: [vae]\n{text}\n")
    assert str(refusal.value) == f"params.yaml: {sentence}"


LISTS = {
    "[vea]": "variants[0] is 'vea'; there is no such variant, did you mean 'vae'?",
    "[vae, undercomplete]": "variants[1] is 'undercomplete', another name of 'autoencoder'; list that.",
    "[vae, vae]": "variants names a variant twice; list each once.",
    "[]": "variants is []; it should have at least 1 item",
    "vae": "variants is 'vae'; it should be a valid list.",
    "[3]": "variants.0 is 3; it should be a valid string.",
}


@pytest.mark.parametrize(("listed", "sentence"), LISTS.items(), ids=LISTS)
def test_a_mistake_in_the_list_of_variants_is_told_in_a_sentence(load, listed, sentence):
    with pytest.raises(HourglassError) as refusal:
        load(f"variants: {listed}\nvae: {{}}\n")
    assert str(refusal.value).removeprefix("params.yaml: ").startswith(sentence)


def test_variants_must_be_listed(load):
    with pytest.raises(HourglassError, match=r"^params\.yaml: variants is missing\.$"):
        load("vae: {}\n")


def test_a_missing_file_is_named_with_what_restores_it(tmp_path):
    with pytest.raises(HourglassError, match=r"params\.yaml is missing; restore it with `git checkout"):
        params.load(tmp_path / "params.yaml")


@pytest.mark.parametrize("text", ["", "# nothing\n", "- a list\n", "a word\n"])
def test_a_file_without_keys_is_refused(load, text):
    with pytest.raises(HourglassError, match=r"must hold keys with values, `seed: 0` for one; it holds none\."):
        load(text)


@pytest.mark.parametrize(
    ("text", "line"),
    [("a: [1\nb: 2\n", 2), ("seed: 0\n\ttrain: 1\n", 2), ("seed: 0\nseed: 1\n", 2), ("a: !!python/object:os.x 1\n", 1)],
)
def test_bad_yaml_is_refused_with_its_line(load, text, line):
    with pytest.raises(HourglassError, match=rf"^params\.yaml, line {line}: not valid YAML \("):
        load(text)


def test_a_file_in_another_encoding_is_refused(tmp_path):
    (tmp_path / "params.yaml").write_bytes("variants: [ü]\n".encode("latin-1"))
    with pytest.raises(HourglassError, match=r"^params\.yaml: not valid YAML \("):
        params.load(tmp_path / "params.yaml")


def test_the_committed_file_is_valid():
    assert params.load(COMMITTED).check().variants


def leaves(model, prefix=""):
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from leaves(field.annotation, f"{prefix}{name}.")
        elif field.annotation is not TrainSettings and not field.exclude:
            yield prefix + name, field


@pytest.mark.parametrize("name", [name for name, _ in leaves(params.Params)])
def test_every_setting_is_documented(name):
    assert dict(leaves(params.Params))[name].description


def test_params_load_no_torch():
    code = "import sys, hourglass.params; print('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


NEW_VARIANT = """
from typing import Annotated

from hourglass.models.autoencoder import Autoencoder
from hourglass.settings import Setting


class Sparse(Autoencoder):
    def __init__(self, shape, *, rho: Annotated[float, Setting("share of active units", gt=0, lt=1)] = 0.05, **rest):
        super().__init__(shape, **rest)
"""


LOAD_EACH = """
import pathlib, sys
from hourglass import params
from hourglass.errors import HourglassError

for section in sys.argv[1:]:
    pathlib.Path("params.yaml").write_text(f"variants: [brand_new]\\nbrand_new: {section}\\n")
    try:
        print(params.load(pathlib.Path("params.yaml")).settings_of("brand_new"))
    except HourglassError as refusal:
        print(refusal)
"""


def test_a_file_is_all_that_a_new_variant_and_its_settings_need(tmp_path):
    package = tmp_path / "src" / "hourglass"
    shutil.copytree(Path(hourglass.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "models" / "brand_new.py").write_text(NEW_VARIANT)
    command = [sys.executable, "-c", LOAD_EACH, "{latent: 2}", "{rho: 2}", "{rh: 0.1}"]
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "src")}
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    taken, beyond, unknown = run.stdout.splitlines()
    assert taken.startswith("{'rho': 0.05, 'latent': 2,")
    assert beyond == "params.yaml: brand_new.rho is 2; it should be less than 1."
    assert unknown == "params.yaml: unknown key 'brand_new.rh'; did you mean 'brand_new.rho'?"
