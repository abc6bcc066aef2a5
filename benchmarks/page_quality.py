"""Sections of the page of benchmarks about how good results are."""

from collections.abc import Iterator
from pathlib import Path
from statistics import mean
from typing import Any

from detection_result import draw as draw_detected
from page_parts import around, head, if_known, origin, row, spread

DOCS = Path(__file__).parents[1] / "docs"


def anomaly(found: dict[str, Any]) -> Iterator[str]:
    """Tell how well anomalies of tables are found."""
    yield "## Anomalies of tables"
    yield from _detected(found, "normal rows alone train", "anomaly.svg")


def anomaly_contaminated(found: dict[str, Any]) -> Iterator[str]:
    """Tell the same where anomalies are among the training rows."""
    yield "## Anomalies of tables, trained on rows that hold some"
    yield from _detected(found, "a stratified 70 % of all rows trains, `contaminated=True`", "anomaly_contaminated.svg")


def anomaly_digits(found: dict[str, Any]) -> Iterator[str]:
    """Tell how well nine digits are told from one."""
    yield "## One digit normal, nine anomalous"
    yield from _detected(found, "half of a digit's images train", "anomaly_digits.svg")


def _detected(found: dict[str, Any], words: str, picture: str) -> Iterator[str]:
    draw_detected(found, DOCS / picture)
    seeds = found["setting"]["seeds"]
    spread = f"Means over {seeds} seeds" if seeds > 1 else "One seed"
    yield from origin(found, f"{spread}; {words}. Defaults throughout, no label is seen.", ratios=False)
    yield f"![AUROC and average precision of each detector]({picture})"
    yield ""
    yield from head("detector", "AUROC", "AP", "worst AUROC", "ours less it, AUROC", "AP", "ours ahead", texts=1)
    for name, of in found["detectors"].items():
        less = of.get("ours_less")
        beside = ("", "", "")
        if less:
            gains = (f"{at:+.3f} ({low:+.3f} to {high:+.3f})" for at, low, high in (less["auroc"], less["ap"]))
            beside = (*gains, f"{less['ahead']} of {less['tasks']}")
        yield row(name, f"{of['auroc']:.3f}", f"{of['ap']:.3f}", f"{of['worst_auroc']:.3f}", *beside)
    yield ""
    yield "In brackets the 95 % interval of the mean paired difference over tables. *memory without net* is our score"
    yield "on rows alone: what a net adds is the difference."
    yield ""
    names = list(found["detectors"])
    yield from head("AUROC", *names, texts=1)
    for task, of in found["tasks"].items():
        yield row(task, *(f"{of[name]['auroc']:.3f}" if name in of else "failed" for name in names))
    if found["failed"]:
        units = (f"{run['detector']} on {run['task']} under seed {run['seed']}" for run in found["failed"])
        yield ""
        yield f"No numbers, and so left out of the means: {', '.join(units)}."


def series(found: dict[str, Any]) -> Iterator[str]:
    """Tell how well anomalies of sensors are found."""
    yield "## Anomalies of sensors"
    work = found["work"]
    yield from origin(
        found,
        f"Windows of {work['window']} readings, {work['seeds']} seeds, never point-adjusted; *prefix* is fitted before "
        "the first anomaly, *unlabelled* on everything. Means, in brackets the least and the largest seed.",
        ratios=False,
    )
    yield from head("fitted on", "series", "side", "VUS-PR", "AUROC", "events hit", "false alarms a day", texts=3)
    for setting, all_series in found["settings"].items():
        for name, of in all_series.items():
            for side, seeds in of.items():
                columns = (around([one[key] for one in seeds]) for key in ("vus_pr", "auroc"))
                recall, alarms = (mean(one[key] for one in seeds) for key in ("event_recall", "false_alarms_per_day"))
                yield row(setting, name.partition(".")[0], side, *columns, f"{recall:.0%}", f"{alarms:.3f}")


def restoration(found: dict[str, Any]) -> Iterator[str]:
    """Tell how much noise is taken away."""
    about = found["about"]
    yield "## Noise taken away"
    yield ""
    yield (
        "The variant `denoising`, one configuration for digits and one for speech, beside classic filters whose "
        f"strength was chosen on selection; all on the same noise. `{about['command']}` ({about['machine']}, torch "
        f"{about['torch']}); medians, in brackets the least and the largest of several draws of the noise."
    )
    tables = {
        "psnr": ("PSNR, dB", "SSIM", ("psnr", "ssim")),
        "gain": ("SI-SDR gain, dB", "STOI", ("gain", "stoi")),
    }
    for asked, (first, second, measures) in tables.items():
        yield ""
        yield from head("", "side", "strength", first, second, "asked", texts=2)
        for name, case in found["cases"].items():
            for side, of in case["sides"].items() if asked in case["asked"] else ():
                ask = case["asked"][asked] if side == "ours" else None
                found_of = (spread(of[measure]) for measure in measures)
                yield row(name, side, if_known(of["strength"]), *found_of, if_known(ask))
    yield ""
    for name, case in found["cases"].items():
        training = case["training"]
        words = (
            f"{name}: commit {case['commit']}, {training['weights']:,} weights, trained in "
            f"{training['seconds']:,.0f} s ({training['device']})"
        )
        if "recordings" in case:
            worse = max(case["sides"]["ours"]["less_intelligible"])
            words += f"; of {case['recordings']} recordings at most {worse} have a lower STOI than before"
        yield f"* {words}."


def bounds(runs: list[dict[str, Any]]) -> Iterator[str]:
    """Tell how far the published VAE and IWAE come."""
    yield "## Bounds on log p(x)"
    yield ""
    yield (
        "60,000 digits, binarised anew for every batch; encoder and decoder of two layers of 200 tanh units, 50 latent "
        "ones (Burda et al. 2016). `python benchmarks/bounds.py --data FOLDER`; nats of a test digit with the standard "
        "error over digits, training alone in seconds."
    )
    yield ""
    yield "| net | on | epochs, batch, rate | s | active units | -ELBO | -bound, draws | published |"
    yield "|---|---|---|---:|---:|---:|---|---|"
    for run in runs:
        settings, test, published, last = run["settings"], run["test"], run["published"], run["test"]["iwae"][-1]
        recipe = f"{settings['epochs']}, {settings['batch']}, {settings['lr']:g}"
        where = "one core" if run["fingerprint"]["device"] == "cpu" else run["fingerprint"]["device"]
        # the curve may end a few epochs before the training
        seconds = run["curve"][-1]["cpu_seconds"] * settings["epochs"] / run["curve"][-1]["epoch"]
        yield row(
            run["variant"],
            where,
            recipe,
            f"{seconds:.0f}",
            str(test["active_units"]),
            f"{-test['elbo']:.2f}",
            _bound(last),
            f"{published['nats']}, {published['active_units']} units",
        )


def _bound(last: dict[str, Any]) -> str:
    return f"{-last['bound']:.2f} ± {last['se']:.2f}, {last['draws']:,}"


def rate_distortion(found: dict[str, Any]) -> Iterator[str]:
    """Tell what the weight of the KL buys."""
    yield "## Rate and distortion"
    words = (
        "One VAE (encoder 256 and 128 units, 16 latent, one seed) of scikit-learn's digits, binarised, under several "
        "weights of the KL. Nats of a held-out digit, whatever the weight: what its code costs, what that leaves open, "
        "and their sum."
    )
    yield from origin(found, words, ratios=False)
    yield from head("beta", "rate", "distortion", "-ELBO", "-bound, draws", texts=0)
    for point in found["points"]:
        numbers = (point["rate"], point["distortion"], -point["elbo"])
        yield row(f"{point['beta']:g}", *(f"{number:.2f}" for number in numbers), _bound(point["iwae"][-1]))


def codes(found: dict[str, Any]) -> Iterator[str]:
    """Tell what codes of digits know of classes that no training was told."""
    setting, asked = found["setting"], found["asked"]
    yield "## Codes of digits"
    words = (
        f"Codes of 32 numbers, learned from {setting['train']:,} digits without their classes in {setting['epochs']} "
        f"epochs ({found['about']['device']}), all by the same net (784-512-256-32), measured on {setting['test']:,} "
        "others: the shares that a logistic regression and the five nearest codes tell right, and how far ten clusters "
        "by k-means, of the codes as they are, are the classes. `denoising` undoes a warp. Means over seeds, in "
        "brackets the least and the largest."
    )
    yield from origin(found, words, ratios=False)
    measures = {"linear": "linear", "neighbours": "5 nearest", "nmi": "NMI", "ari": "ARI"}
    yield from head("", "seeds", *measures.values(), texts=1)
    for name, runs in found["codes"].items():
        yield row(name, str(len(runs)), *(around([run[of] for run in runs]) for of in measures))
    yield row("asked", "", *(if_known(asked.get(of)) for of in measures))


def sprites(found: dict[str, Any]) -> Iterator[str]:
    """Tell how far units of codes are the factors of images."""
    yield "## Units that are factors"
    words = (
        "4,608 images of three shapes in four sizes, six turns and 64 places, learned without these factors in "
        f"{found['epochs']} epochs ({found['about']['device']}); codes of 10 numbers. Means over seeds, in brackets "
        "the least and the largest."
    )
    yield from origin(found, words, ratios=False)
    measures = {"mig": "MIG", "sap": "SAP", "factor_vae": "FactorVAE score"}
    yield from head("", "seeds", *measures.values(), texts=1)
    for name, runs in found["sprites"].items():
        yield row(name, str(len(runs)), *(around([run[of] for run in runs]) for of in measures))
