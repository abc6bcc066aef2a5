"""What a code of digits of 32 numbers is good for: probes, neighbours and clusters, beside PCA.

Every net learns digits without their classes, all with the same layers and for as long. Then a line and five neighbours
tell the class of test digits from codes of training digits, and k-means finds ten clusters of the codes as they are.
Mean and standard deviation over seeds.

    python benchmarks/codes.py --data FILE.npz [--variants denoising vae ...] [--epochs N] [--seeds N]
                               [--device cuda] [--out FILE.json]

FILE.npz has ``x`` (rows, 28, 28) and ``y``, and may have ``x_test`` and ``y_test``; else a fifth of the rows is test.
"""

import argparse
import json
import tempfile
from pathlib import Path
from statistics import mean, pstdev
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from hourglass import models
from hourglass.evaluation.probes import clusters, neighbourhoods, probes
from hourglass.models.shared.batch import Batch
from hourglass.training import devices
from hourglass.training.loop import fit
from hourglass.training.settings import TrainSettings
from training import about

LATENT = 32
NET: dict[str, Any] = {"latent": LATENT, "net": "mlp", "hidden": [512, 256], "likelihood": "bernoulli"}
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "denoising": ("denoising", {"corruption": "warp"}),
    "masking": ("denoising", {"corruption": "masking", "level": 0.5}),
    "autoencoder": ("autoencoder", {}),
    "contractive": ("contractive", {}),
    "vae": ("vae", {}),
    "beta_vae": ("beta_vae", {"beta": 2.0}),
    "wae": ("wae", {}),
    "adversarial": ("adversarial", {"prior": "mixture"}),
}
#: What a code shall reach.
ASKED = {"linear": 0.95, "neighbours": 0.975, "nmi": 0.70}
#: Rows whose neighbours are compared.
_COMPARED = 2000

Labelled = tuple[NDArray[np.float32], NDArray[np.int64]]


def digits(path: Path) -> tuple[Labelled, Labelled]:
    """Read training and test digits: images of shape (rows, 1, 28, 28) from 0 to 1, and classes."""
    with np.load(path, allow_pickle=False) as stored:
        x, y = stored["x"][:, None].astype(np.float32) / 255, stored["y"].astype(np.int64)
        if "x_test" in stored:
            return (x, y), (stored["x_test"][:, None].astype(np.float32) / 255, stored["y_test"].astype(np.int64))
    order = np.random.default_rng(0).permutation(len(x))
    train, test = order[len(x) // 5 :], order[: len(x) // 5]
    return (x[train], y[train]), (x[test], y[test])


def settings_for(epochs: int, device: str) -> TrainSettings:
    """Give the settings of every training."""
    return TrainSettings(epochs=epochs, patience=epochs, batch=256, lr=2e-3, device=device)


def codes(name: str, x: NDArray[np.float32], settings: TrainSettings, seed: int) -> Any:
    """Train on digits, a tenth of which stops the training, and give what encodes others."""
    device = devices.resolve(settings.device)
    rows = torch.from_numpy(x).to(device)
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed)).to(device)
    held_out = len(rows) // 10
    parts = Batch.of(rows[order[held_out:]]), Batch.of(rows[order[:held_out]])
    variant, own = VARIANTS[name]
    net = models.build(variant, x.shape[1:], NET | own, seed=seed).to(device)
    with tempfile.TemporaryDirectory() as folder:
        fit(net, *parts, settings, seed=seed, folder=Path(folder), first_course_only=True)

    def encode(of: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.no_grad():
            parts = torch.from_numpy(of).to(device).split(4096)
            return torch.cat([net.eval().encode(part)["z"] for part in parts]).cpu().numpy()

    return encode


def measured(encode: Any, train: Labelled, test: Labelled) -> dict[str, float]:
    """Probe codes of test digits by those of training digits."""
    z, test_z = encode(train[0]), encode(test[0])
    found = probes(z, train[1], test_z, test[1])
    found |= clusters(z, test_z, test[1], classes=10, seed=0)
    return found | neighbourhoods(test[0][:_COMPARED], test_z[:_COMPARED])


def told(name: str, runs: list[dict[str, float]]) -> None:
    """Print means and standard deviations over seeds."""
    shown = ("linear", "neighbours", "nmi", "ari", "trustworthiness", "continuity")
    cells = (f"{of} {mean(run[of] for run in runs):.3f} ± {pstdev(run[of] for run in runs):.3f}" for of in shown)
    print(f"{name:>12}: {', '.join(cells)}", flush=True)


def main() -> None:
    """Print a row for PCA and for each variant."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=list(VARIANTS))
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    settings = settings_for(asked.epochs, asked.device)
    devices.configure(settings)
    train, test = digits(asked.data)
    pca = PCA(LATENT, random_state=0).fit(train[0].reshape(len(train[0]), -1))
    found = {"pca": [measured(lambda x: pca.transform(x.reshape(len(x), -1)), train, test)]}
    told("pca", found["pca"])
    for name in asked.variants:
        encoders = (codes(name, train[0], settings, seed) for seed in range(asked.seeds))
        found[name] = [measured(encode, train, test) for encode in encoders]
        told(name, found[name])
    print(f"asked: {ASKED}")
    if asked.out:
        setting = {"epochs": asked.epochs, "train": len(train[0]), "test": len(test[0])}
        device = devices.fingerprint(devices.resolve(asked.device), settings.threads)["device"]
        result = {"about": about() | {"device": device}, "setting": setting, "asked": ASKED, "codes": found}
        asked.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
