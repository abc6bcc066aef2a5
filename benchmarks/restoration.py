"""How much noise denoisers take away, beside classic filters: handwritten digits and spoken ones.

``python benchmarks/restoration.py [--case NAME ...] [--draws 3] [--peers PYTHON] [--device cpu] [--weights FOLDER]
[--out FILE.json]``, with the data sets in ../shared/data. The denoisers are the variant `denoising` with the settings
below, one configuration for the digits and one for the speech; only the noise that they learn to undo differs. Filters
have the strength that is best on rows of selection. All sides get the same noise, drawn several times. BM3D runs in an
environment of its own (``--peers``, `pip install bm3d`) and is left out without one.

Weights are kept in a folder with ``--weights`` and taken from there where they are, so that a GPU may train them. Cases
that aren't measured stay in ``--out`` as they are.
"""

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, median
from typing import Any

import numpy as np
import torch

from hourglass import models
from hourglass.evaluation.fidelity import psnr, ssim
from hourglass.evaluation.filters import FILTERS, GATES, gated
from hourglass.models.shared import weights
from hourglass.models.shared.batch import Batch
from hourglass.models.shared.variant import Variant
from hourglass.runtime.audio import AudioSchema, filter_for
from hourglass.runtime.recordings import Recording
from hourglass.runtime.spectra import cut, istft, stft
from hourglass.sound import intelligibility, si_sdr
from hourglass.training import devices
from hourglass.training.loop import fit
from hourglass.training.settings import TrainSettings
from training import about

DATA = Path(__file__).parents[2] / "shared" / "data"
#: Rows of the digits: train, validation, selection, test.
SPLIT = (8000, 500, 500, 1000)
#: Takes of each spoken digit by each speaker. Settings were chosen on those of selection, which then train, too: 80
#: recordings are few.
TRAIN_TAKES, SELECTION_TAKES, TEST_TAKES = {1, 2, 3, 4}, {5}, {0}
VOICES = 4
#: Root mean square of a recording, about what it is as it comes.
LOUDNESS = 0.07
_LEAST = 1e-12

Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Case:
    """Data, a noise, and the denoiser that learns to undo it."""

    settings: dict[str, Any]
    train: TrainSettings
    asked: dict[str, float] = field(default_factory=dict)

    @property
    def of_speech(self) -> bool:
        """Whether it is about recordings."""
        return "sigma" not in self.asked


DIGITS = {"net": "convolutional", "hidden": [32, 64], "latent": 256, "likelihood": "bernoulli"}
DIGITS_TRAINING = TrainSettings(epochs=100, batch=128, lr=3e-3, augment=["shift"], patience=100)
SPEECH = {"net": "mlp", "hidden": [512], "latent": 128, "amplitude": 1.0, "mask": True}
SPEECH_TRAINING = TrainSettings(epochs=120, batch=64, lr=1e-3, clip=500.0, patience=120)
SCHEMA = AudioSchema(8000, "spectrogram", frame=512, hop=128, context=8, floor=-30.0)
CASES = {
    f"digits, sigma {sigma}": Case(
        {"corruption": "gaussian", "level": sigma} | DIGITS, DIGITS_TRAINING, {"sigma": sigma, "psnr": asked}
    )
    for sigma, asked in ((0.3, 22.5), (0.5, 20.3))
} | {
    "speech, white noise": Case(
        {"corruption": "rician", "level": 7.0, "spread": 3.0} | SPEECH, SPEECH_TRAINING, {"gain": 10.0}
    ),
    "speech, babble": Case(
        {"corruption": "babble", "level": 0.0, "spread": 4.0} | SPEECH, SPEECH_TRAINING, {"gain": 4.0}
    ),
}


def trained(case: Case, rows: Array, validation: Array, device: torch.device) -> tuple[Variant, float]:
    """Train a denoiser; give the seconds that it took."""
    train, held_out = (Batch.of(torch.from_numpy(of).to(device)) for of in (rows, validation))
    model = models.build("denoising", rows.shape[1:], case.settings, seed=0).to(device)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        fit(model, train, held_out, case.train, seed=0, folder=Path(folder))
    return model.cpu(), time.perf_counter() - started


def denoiser(name: str, case: Case, rows: Callable[[], list[Array]], asked: argparse.Namespace) -> tuple[Variant, Any]:
    """Take a denoiser from the folder of weights, or train it; give the record of its training."""
    kept = asked.weights / f"{name.replace(', ', '-').replace(' ', '-')}.safetensors" if asked.weights else None
    if kept and kept.exists():
        model = models.build("denoising", SCHEMA.shape if case.of_speech else (1, 28, 28), case.settings, seed=0)
        weights.load(model, kept)
        return model.eval(), json.loads(kept.with_suffix(".json").read_text())
    device = devices.resolve(asked.device)
    model, seconds = trained(case, *rows(), device)
    record = {"seconds": seconds, "device": devices.fingerprint(device, 1)["device"]}
    record |= {"weights": sum(weight.numel() for weight in model.parameters())}
    if kept:
        kept.parent.mkdir(parents=True, exist_ok=True)
        weights.save(model, kept)
        kept.with_suffix(".json").write_text(json.dumps(record))
    return model.eval(), record


@torch.no_grad()
def rebuilt(model: Variant, rows: Array) -> Array:
    """Give rows as the model rebuilds them."""
    parts = torch.from_numpy(rows.astype(np.float32)).split(256)
    return torch.cat([model.reconstruct(part) for part in parts]).numpy().astype(np.float64)


def digits() -> list[Array]:
    """Give the splits of 10,000 handwritten digits, pixels between 0 and 1: shape (rows, 1, 28, 28)."""
    with np.load(DATA / "images" / "mnist_10k.npz", allow_pickle=False) as stored:
        x = stored["x"]
    x = np.random.default_rng(0).permutation(x)[:, None].astype(np.float32) / 255
    return np.split(x, np.cumsum(SPLIT)[:-1])


def of_digits(name: str, case: Case, asked: argparse.Namespace) -> dict[str, Any]:
    """Measure all sides on noisy digits."""
    train, validation, selection, test = digits()
    sigma = case.asked["sigma"]
    model, record = denoiser(name, case, lambda: [train, validation], asked)

    def noisy(clean: Array, seed: int) -> Array:
        return clean + sigma * np.random.default_rng(seed).standard_normal(clean.shape)

    tuning = noisy(selection, 100)
    sides: dict[str, tuple[float | None, Callable[[Array], Array]]] = {"noisy": (None, lambda rows: rows)}
    for one in FILTERS:
        strength = one.tuned(selection, tuning, (2, 3))
        sides[one.name] = strength, lambda rows, one=one, strength=strength: one.apply(rows, strength, (2, 3))
    sides["ours"] = None, lambda rows: rebuilt(model, rows)
    found: dict[str, Any] = {
        side: {"strength": strength, "psnr": [], "ssim": []} for side, (strength, _) in sides.items()
    }
    for seed in range(asked.draws):
        corrupted = noisy(test, seed)
        for side, (_, clean) in sides.items():
            add(found[side], test, clean(corrupted))
    if asked.peers:
        strength, made = bm3d(asked.peers, (selection, tuning), noisy(test, 0), sigma)
        found["BM3D, the first 100 pictures"] = {"strength": strength, "psnr": [], "ssim": []}
        add(found["BM3D, the first 100 pictures"], test[: len(made)], made)
    return {"training": record, "sides": found}


def add(found: dict[str, Any], clean: Array, made: Array) -> None:
    """Note how near pictures are to the clean ones."""
    found["psnr"].append(psnr(clean, made, 1.0))
    found["ssim"].append(ssim(clean, made, 1.0))


def bm3d(python: str, tuning: tuple[Array, Array], noisy: Array, sigma: float) -> tuple[float, Array]:
    """Tune BM3D, whose strength is the deviation that it takes the noise to have, and apply it to some pictures.

    It takes the better part of a second for each.
    """

    def apply(rows: Array, strength: float) -> Array:
        with tempfile.TemporaryDirectory() as folder:
            given, made = Path(folder, "given.npy"), Path(folder, "made.npy")
            np.save(given, rows[:, 0])
            side = Path(__file__).with_name("bm3d_side.py")
            subprocess.run([python, str(side), str(given), str(strength), str(made)], check=True)
            return np.load(made, allow_pickle=False)[:, None]

    clean, corrupted = (rows[:25] for rows in tuning)
    strengths = [factor * sigma for factor in (0.8, 1.0, 1.2, 1.5)]
    best = min(strengths, key=lambda strength: float(np.square(apply(corrupted, strength) - clean).mean()))
    return best, apply(noisy[:100], best)


def recordings(takes: set[int]) -> list[Array]:
    """Read takes of all digits and speakers, and make all equally loud, lest voices be told apart by that."""
    files = [file for file in sorted((DATA / "audio").glob("*.wav")) if int(file.stem.rpartition("_")[2]) in takes]
    waveforms = [Recording.read(file).waveforms()[0] for file in files]
    return [waveform * LOUDNESS / waveform.std() for waveform in waveforms]


def spectra(waveforms: list[Array]) -> Array:
    """Give the rows of recordings, one for each frame."""
    return np.concatenate([SCHEMA.encode(SCHEMA.pieces(waveform))[0] for waveform in waveforms])


def noise(case: Case, samples: int, pool: list[Array], draw: np.random.Generator) -> Array:
    """Draw white noise, or let four recordings talk at once, all equally loud, from anywhere in them on."""
    if case.settings["corruption"] != "babble":
        return draw.standard_normal(samples)
    chosen = [pool[place] for place in draw.choice(len(pool), VOICES, replace=False)]
    turned = [np.roll(voice, -int(draw.integers(len(voice)))) / voice.std() for voice in chosen]
    return np.sum([np.resize(voice, samples) for voice in turned], axis=0)


@dataclass(frozen=True)
class Heard:
    """A recording, the noise on it, and a second of such noise."""

    speech: Array
    beside: Array
    apart: Array

    @property
    def noisy(self) -> Array:
        """What is heard."""
        return self.speech + self.beside


#: Makes of what is heard the speech.
Cleaning = Callable[[Heard], Array]


def heard(case: Case, clean: list[Array], voices: list[Array], seed: int) -> list[Heard]:
    """Draw noise as strong as the speech for each recording."""
    draw, found = np.random.default_rng(seed), []
    for speech in clean:
        beside = noise(case, len(speech), voices, draw)
        apart = noise(case, SCHEMA.rate, voices, draw)
        found.append(Heard(speech, beside * speech.std() / beside.std(), apart * speech.std() / apart.std()))
    return found


def gate(tuning: list[Heard], *, told: bool) -> tuple[float, Cleaning]:
    """Choose the strength of spectral gating, which is told a second of the noise or finds out how strong it is."""

    def at(strength: float) -> Cleaning:
        return lambda one: gated(one.noisy, strength, SCHEMA.rate, one.apart if told else None)

    best = max(GATES, key=lambda strength: fmean(si_sdr(one.speech, at(strength)(one)) for one in tuning))
    return best, at(best)


def of_speech(name: str, case: Case, asked: argparse.Namespace) -> dict[str, Any]:
    """Measure all sides on recordings under noise as strong as the speech."""
    train, selection, test = map(recordings, (TRAIN_TAKES, SELECTION_TAKES, TEST_TAKES))
    model, record = denoiser(name, case, lambda: [spectra(train + selection), spectra(selection)], asked)
    tuning = heard(case, selection, train, 100)

    def ours(one: Heard) -> Array:
        rows = rebuilt(model, SCHEMA.encode(SCHEMA.pieces(one.noisy))[0])
        return SCHEMA.cleaned([rows], one.noisy, filter_for(case.settings))

    sides: dict[str, tuple[float | None, Cleaning]] = {
        "noisy": (None, lambda one: one.noisy),
        "spectral gating": gate(tuning, told=False),
        "spectral gating, told a second of the noise": gate(tuning, told=True),
        "ours": (None, ours),
        "oracle mask, told speech and noise": (None, lambda one: oracle(one.speech, one.noisy)),
    }
    found: dict[str, Any] = {
        side: {"strength": strength, "gain": [], "stoi": [], "less_intelligible": []}
        for side, (strength, _) in sides.items()
    }
    for seed in range(asked.draws):
        measured = of_draw({side: clean for side, (_, clean) in sides.items()}, heard(case, test, train, seed))
        for side, of in measured.items():
            for measure, value in of.items():
                found[side][measure].append(value)
    return {"training": record, "recordings": len(test), "sides": found}


def of_draw(sides: dict[str, Cleaning], test: list[Heard]) -> dict[str, dict[str, float]]:
    """Measure all sides on one draw of the noise: means over recordings, and how many are less intelligible."""
    parts: dict[str, list[Array]] = {side: [] for side in sides}
    gains: dict[str, list[float]] = {side: [] for side in sides}
    for one in test:
        for side, clean in sides.items():
            made = clean(one)
            gains[side].append(si_sdr(one.speech, made) - si_sdr(one.speech, one.noisy))
            parts[side].append(intelligibility(one.speech, made, SCHEMA.rate))
    return {
        side: {
            "gain": fmean(gains[side]),
            "stoi": float(np.concatenate(parts[side]).mean()),
            "less_intelligible": sum(
                bool(one.mean() < before.mean()) for one, before in zip(parts[side], parts["noisy"], strict=True)
            ),
        }
        for side in sides
    }


def oracle(speech: Array, noisy: Array) -> Array:
    """Weight each frequency of each frame by the share of its power that is speech."""
    frame, hop = SCHEMA.frame, SCHEMA.hop
    clean, beside = (np.square(np.abs(stft(cut(of, frame, hop)))) for of in (speech, noisy - speech))
    masked = stft(cut(noisy, frame, hop)) * clean / np.maximum(clean + beside, _LEAST)
    return istft(masked, frame, hop)[frame - hop :][: len(noisy)]


def show(name: str, found: dict[str, Any]) -> None:
    """Print the table of a case."""
    print(f"{name}: trained {found['training']['seconds']:.0f} s on {found['training']['device']}")
    for side, of in found["sides"].items():
        print(f"{side:>44}", *(f"{key} {median(of[key]):.3f}" for key in of if key != "strength"), flush=True)


def main() -> None:
    """Measure the cases."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", nargs="*", default=list(CASES), choices=list(CASES))
    parser.add_argument("--draws", type=int, default=3, help="how often the noise is drawn")
    parser.add_argument("--peers", help="the Python of an environment that has bm3d")
    parser.add_argument("--device", default="cpu", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--weights", type=Path, help="folder where denoisers are kept")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    devices.configure(TrainSettings())
    cases = {}
    for name in asked.case:
        case = CASES[name]
        measure = of_speech if case.of_speech else of_digits
        cases[name] = {"commit": about()["commit"], "asked": case.asked, **measure(name, case, asked)}
        show(name, cases[name])
    if asked.out:
        before = json.loads(asked.out.read_text())["cases"] if asked.out.exists() else {}
        asked.out.write_text(json.dumps({"about": about(), "cases": before | cases}, indent=2) + "\n")


if __name__ == "__main__":
    main()
