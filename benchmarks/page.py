"""Make docs/benchmarks.md, and its picture, from benchmarks/results: ``python benchmarks/page.py``.

A number is in the page only where a file of results has it. What limits a number that isn't reached is told in
benchmarks/limits.md, which the page ends with.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from statistics import mean, median
from typing import Any

from detection_result import draw as draw_detected

HERE = Path(__file__).parent
RESULTS = HERE / "results"
DOCS = HERE.parent / "docs"


def training(found: dict[str, Any]) -> Iterator[str]:
    """Tell how fast the loop is beside others."""
    yield "## Training, on one core"
    yield from _origin(
        found, "Times ours: how many times as fast. *limit* is the step's matrix products or convolutions alone."
    )
    yield "| work | side | rows/s | held out | ours by it | asked |"
    yield "|---|---|---:|---:|---:|---:|"
    for work, of in found["work"].items():
        for side, speeds in of["rows_per_second"].items():
            quality, ratio, asked = (of[part].get(side) for part in ("held_out", "ratios", "asked"))
            held_out = "" if quality is None else f"{quality:.4g}"
            beside = _spread(ratio) if ratio else ""
            yield _row(work, side, f"{median(speeds):,.0f}", held_out, beside, f"{asked:g}" if asked else "")
    slowing = found["work"].get("vae", {}).get("step_2000_by_step_200")
    if slowing:
        yield ""
        yield f"An epoch at step 2,000 takes {_spread(slowing)} of one at step 200 (asked: at most 1.05)."


def gpu(found: dict[str, Any]) -> Iterator[str]:
    """Tell how fast the loop is on a GPU."""
    yield f"## Training, on a GPU ({found['about']['gpu']})"
    yield from _origin(
        found,
        "*resident* is the plain loop with its rows on the GPU. *busy* is the share of the time in which the GPU "
        "computes, under a profiler, which makes it smaller.",
    )
    yield "| work | ours, rows/s | busy | capture, s | ours by resident | tutorial | Lightning | pythae | PyOD |"
    yield "|---|---:|---:|---:|---:|---:|---:|---:|---:|"
    for work, of in found["work"].items():
        sides = ("resident", "tutorial", "lightning", "pythae", "pyod")
        ratios = (of["ratios"].get(side) for side in sides)
        speed, capture = median(of["rows_per_second"]["ours"]), of["capture_seconds"][0]
        beside = (f"{median(ratio):.1f}" if ratio else "" for ratio in ratios)
        yield _row(work, f"{speed:,.0f}", f"{of['step']['busy']:.0%}", f"{capture:.3f}", *beside)
    yield ""
    runs = [f"{run['seconds']:.1f} s in {run['precision']}" for run in found["published"]]
    run = found["published"][0]
    yield (
        f"pythae's published run, a VQ-VAE on {run['rows']} (50,000 images, batch {run['batch']:,}, {run['epochs']} "
        f"epochs), which took {run['published_on_a_v100']:.0f} s on a V100: {', '.join(runs)} (asked: below "
        f"{found['asked']['published']:g} s); held-out squared errors of a pixel "
        f"{', '.join(format(run['held_out'], '.5f') for run in found['published'])}."
    )


def ensemble(found: dict[str, Any]) -> Iterator[str]:
    """Tell how long an ensemble takes."""
    yield "## Ensembles, on one core"
    yield from _origin(
        found, "Times of the processor, all sides in one process; *as written* is one net whose steps aren't replayed."
    )
    yield "| nets | eight, us a step | one | one, as written | eight by one | by one as written | asked, at most |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    for work, of in found["work"].items():
        times = (f"{median(seconds) / of['steps'] * 1e6:,.0f}" for seconds in of["seconds"].values())
        yield _row(work, *times, *map(_spread, of["ratios"].values()), f"{of['asked']:g}" if of["asked"] else "")


def growth(found: dict[str, Any]) -> Iterator[str]:
    """Tell how time and memory grow."""
    yield "## Growth"
    yield from _origin(found, "Autoencoder 30-64-32, batch 512; streamed through a tenth of what the rows take.")
    yield "![Time of a row and memory by the number of rows](growth.svg)"
    yield ""
    yield "| rows | in memory, us a row | streamed, us a row | streamed by in memory | peak in memory | peak streamed |"
    yield "|---:|---:|---:|---:|---:|---:|"
    for size in found["sizes"]:
        times = {
            side: median(run["seconds"] for run in runs) / size["rows"] * 1e6 for side, runs in size["runs"].items()
        }
        peaks = {side: max(run["peak_bytes"] for run in runs) / 2**20 for side, runs in size["runs"].items()}
        yield _row(
            f"{size['rows']:,}",
            f"{times['in memory']:.2f}",
            f"{times['streamed']:.2f}",
            f"{median(size['streamed_by_in_memory']):.0%}",
            f"{peaks['in memory']:,.0f} MiB",
            f"{peaks['streamed']:,.0f} MiB",
        )


def ingest(found: dict[str, Any]) -> Iterator[str]:
    """Tell how long ingestion takes."""
    yield "## Ingestion"
    yield from _origin(found, "Ours is all of `ingest`; the others merely read. Times of the fastest of them.")
    yield "| cores | case | side | seconds | ours by the fastest | asked, at most |"
    yield "|---|---|---|---:|---:|---:|"
    for cores, cases in found["cases_by_cores"].items():
        for name, case in cases.items():
            for side, seconds in case["seconds"].items():
                last = (_spread(case["ratios"]), f"{case['asked']:.2f}") if side == "ours" else ("", "")
                yield _row(cores, name, side, f"{median(seconds):.2f}", *last)


def scoring(found: dict[str, Any]) -> Iterator[str]:
    """Tell how long a package takes to score rows."""
    yield "## Scoring, on one core"
    yield from _origin(
        found, "*bare* is the graph alone, whose time is at most all of ours; asked is at least so many times ours."
    )
    yield "| side | seconds for a million rows | one row, p50 in us | p99 in us |"
    yield "|---|---:|---:|---:|"
    for side, of in found["sides"].items():
        yield _row(side, f"{median(of['seconds']):.3f}", f"{median(of['p50']):.1f}", f"{median(of['p99']):.1f}")
    yield ""
    yield "| what | ours | by | its time in times of ours | asked |"
    yield "|---|---|---|---:|---:|"
    for what, ratios in found["ratios"].items():
        for own, of in ratios.items():
            for side, ratio in of.items():
                asked = found["asked"][what].get(side)
                yield _row(what.replace("_", " "), own, side, _spread(ratio), f"{asked:g}" if asked else "")


def series(found: dict[str, Any]) -> Iterator[str]:
    """Tell how well anomalies of sensors are found."""
    yield "## Anomalies of sensors"
    work = found["work"]
    yield from _origin(
        found,
        f"Windows of {work['window']} readings, {work['seeds']} seeds, never point-adjusted; *prefix* is fitted before "
        "the first anomaly, *unlabelled* on everything. Means, in brackets the least and the largest seed.",
        ratios=False,
    )
    yield "| fitted on | series | side | VUS-PR | AUROC | events hit | false alarms a day |"
    yield "|---|---|---|---:|---:|---:|---:|"
    for setting, all_series in found["settings"].items():
        for name, of in all_series.items():
            for side, seeds in of.items():
                columns = (_around([one[key] for one in seeds]) for key in ("vus_pr", "auroc"))
                recall, alarms = (mean(one[key] for one in seeds) for key in ("event_recall", "false_alarms_per_day"))
                yield _row(setting, name.partition(".")[0], side, *columns, f"{recall:.0%}", f"{alarms:.3f}")


def serving(found: dict[str, Any]) -> Iterator[str]:
    """Tell how long a consumer waits."""
    yield "## Serving"
    yield from _origin(
        found, "Until a model is loaded in a new process, and from rows to their scores, medians of all rounds."
    )
    yield "| in a new process | seconds | asked, at most |"
    yield "|---|---:|---:|"
    for what, seconds in found["loads"].items():
        asked = found["asked"].get(what)
        yield _row(f"import and load {what}", _spread(seconds), f"{asked:g}" if asked else "")
    yield ""
    yield "| side | rows of a call | p50 in ms | p99 in ms |"
    yield "|---|---:|---:|---:|"
    for side, of in found["waits"].items():
        for batch, waits in of.items():
            yield _row(side, batch, f"{median(waits['p50']):.3f}", f"{median(waits['p99']):.3f}")


def restoration(found: dict[str, Any]) -> Iterator[str]:
    """Tell how much noise is taken away."""
    about = found["about"]
    yield "## Noise taken away"
    yield ""
    yield (
        "The variant `denoising`, one configuration for digits and one for speech, beside classic filters whose "
        f"strength was chosen on selection; all on the same noise. `{about['command']}` ({about['machine']}, torch "
        f"{about['torch']}, commit {about['commit']}); medians, in brackets the least and the largest of several draws "
        "of the noise."
    )
    tables = {
        "psnr": ("PSNR, dB", "SSIM", ("psnr", "ssim")),
        "gain": ("SI-SDR gain, dB", "STOI", ("gain", "stoi")),
    }
    for asked, (first, second, measures) in tables.items():
        yield ""
        yield f"| | side | strength | {first} | {second} | asked |"
        yield "|---|---|---:|---:|---:|---:|"
        for name, case in found["cases"].items():
            for side, of in case["sides"].items() if asked in case["asked"] else ():
                strength = "" if of["strength"] is None else f"{of['strength']:g}"
                ask = f"{case['asked'][asked]:g}" if side == "ours" else ""
                yield _row(name, side, strength, *(_spread(of[measure]) for measure in measures), ask)
    yield ""
    for name, case in found["cases"].items():
        training = case["training"]
        words = (
            f"{name}: {training['weights']:,} weights, trained in {training['seconds']:,.0f} s ({training['device']})"
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
        bound = f"{-last['bound']:.2f} ± {last['se']:.2f}, {last['draws']:,}"
        yield _row(
            run["variant"],
            where,
            recipe,
            f"{seconds:.0f}",
            str(test["active_units"]),
            f"{-test['elbo']:.2f}",
            bound,
            f"{published['nats']}, {published['active_units']} units",
        )


def draw_growth(found: dict[str, Any], path: Path) -> None:
    """Draw the time of a row and the memory."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "growth"
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    rows = [size["rows"] for size in found["sizes"]]
    for side in ("in memory", "streamed"):
        runs = [size["runs"][side] for size in found["sizes"]]
        pairs = list(zip(runs, rows, strict=True))
        left.plot(rows, [median(run["seconds"] for run in of) / count * 1e6 for of, count in pairs], "o-", label=side)
        right.plot(rows, [max(run["peak_bytes"] for run in of) / 2**20 for of, _ in pairs], "o-", label=side)
    left.set(xscale="log", xlabel="rows", ylabel="us a row", ylim=(0, None), title="Time of a row")
    right.set(xscale="log", yscale="log", xlabel="rows", ylabel="MiB", title="Memory at the peak")
    left.legend(frameon=False)
    figure.savefig(path, metadata={"Date": None})


def _origin(found: dict[str, Any], words: str, *, ratios: bool = True) -> Iterator[str]:
    about = found["about"]
    where = f"{about['machine']}, {about['cores']} cores, Python {about['python']}"
    commit = f", commit {about['commit']}" if about.get("commit") else ""
    yield ""
    told = "; medians, in brackets the least and the largest ratio of a round" if ratios else ""
    yield f"{words} `{about['command']}` ({where}{commit}){told}."
    yield ""


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _around(values: list[float]) -> str:
    return f"{mean(values):.3f} ({min(values):.3f} to {max(values):.3f})"


def _spread(ratios: list[float]) -> str:
    return f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


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
    yield from _origin(
        found, f"Means over {seeds} seeds; {words}. Defaults throughout, no label is seen.", ratios=False
    )
    yield f"![AUROC and average precision of each detector]({picture})"
    yield ""
    yield "| detector | AUROC | AP | worst AUROC | ours less it, AUROC | AP | ours ahead |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    for name, of in found["detectors"].items():
        less = of.get("ours_less")
        beside = ("", "", "")
        if less:
            gains = (f"{at:+.3f} ({low:+.3f} to {high:+.3f})" for at, low, high in (less["auroc"], less["ap"]))
            beside = (*gains, f"{less['ahead']} of {less['tasks']}")
        yield _row(name, f"{of['auroc']:.3f}", f"{of['ap']:.3f}", f"{of['worst_auroc']:.3f}", *beside)
    yield ""
    yield "In brackets the 95 % interval of the mean paired difference over tables. *memory without net* is our score"
    yield "on rows alone: what a net adds is the difference."
    yield ""
    names = list(found["detectors"])
    yield f"| AUROC | {' | '.join(names)} |"
    yield f"|---|{'---:|' * len(names)}"
    for task, of in found["tasks"].items():
        yield _row(task, *(f"{of[name]['auroc']:.3f}" if name in of else "failed" for name in names))
    if found["failed"]:
        units = (f"{run['detector']} on {run['task']} under seed {run['seed']}" for run in found["failed"])
        yield ""
        yield f"No numbers, and so left out of the means: {', '.join(units)}."


SECTIONS = {
    "anomaly": anomaly,
    "anomaly_contaminated": anomaly_contaminated,
    "anomaly_digits": anomaly_digits,
    "training": training,
    "gpu": gpu,
    "ensemble": ensemble,
    "scoring": scoring,
    "serving": serving,
    "growth": growth,
    "ingest": ingest,
    "series": series,
    "restoration": restoration,
    "bounds": bounds,
}


def main() -> None:
    """Write the page."""
    lines = [
        "# Benchmarks",
        "",
        "Made by `python benchmarks/page.py` from the files in benchmarks/results; `make bench` measures anew. Both",
        "sides of every ratio ran in turn in the same run, each in a process of its own.",
    ]
    for name, section in SECTIONS.items():
        path = RESULTS / f"{name}.json"
        if path.exists():
            lines += ["", *section(json.loads(path.read_text()))]
    if (RESULTS / "growth.json").exists():
        draw_growth(json.loads((RESULTS / "growth.json").read_text()), DOCS / "growth.svg")
    lines += ["", (HERE / "limits.md").read_text().rstrip()]
    (DOCS / "benchmarks.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
