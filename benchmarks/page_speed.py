"""Sections of the page of benchmarks about time and memory."""

from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from page_parts import head, if_known, origin, row, spread

DOCS = Path(__file__).parents[1] / "docs"


def training(found: dict[str, Any]) -> Iterator[str]:
    """Tell how fast the loop is beside others."""
    yield "## Training, on one core"
    yield from origin(
        found, "Times ours: how many times as fast. *limit* is the step's matrix products or convolutions alone."
    )
    yield from head("work", "side", "rows/s", "held out", "ours by it", "asked", texts=2)
    for work, of in found["work"].items():
        for side, speeds in of["rows_per_second"].items():
            quality, ratio, asked = (of[part].get(side) for part in ("held_out", "ratios", "asked"))
            beside = spread(ratio) if ratio else ""
            yield row(work, side, f"{median(speeds):,.0f}", if_known(quality, ".4g"), beside, if_known(asked))
    slowing = found["work"].get("vae", {}).get("step_2000_by_step_200")
    if slowing:
        yield ""
        yield f"An epoch at step 2,000 takes {spread(slowing)} of one at step 200 (asked: at most 1.05)."


def gpu(found: dict[str, Any]) -> Iterator[str]:
    """Tell how fast the loop is on a GPU."""
    yield f"## Training, on a GPU ({found['about']['gpu']})"
    yield from origin(
        found,
        "*resident* is the plain loop with its rows on the GPU. *busy* is the share of the time in which the GPU "
        "computes, under a profiler, which makes it smaller.",
    )
    sides = ("resident", "tutorial", "lightning", "pythae", "pyod")
    named = ("ours by resident", "tutorial", "Lightning", "pythae", "PyOD")
    yield from head("work", "ours, rows/s", "busy", "capture, s", *named, texts=1)
    for work, of in found["work"].items():
        ratios = (of["ratios"].get(side) for side in sides)
        speed, capture = median(of["rows_per_second"]["ours"]), of["capture_seconds"][0]
        beside = (f"{median(ratio):.1f}" if ratio else "" for ratio in ratios)
        yield row(work, f"{speed:,.0f}", f"{of['step']['busy']:.0%}", f"{capture:.3f}", *beside)
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
    yield from origin(
        found, "Times of the processor, all sides in one process; *as written* is one net whose steps aren't replayed."
    )
    sides = ("eight, us a step", "one", "one, as written", "eight by one", "by one as written")
    yield from head("nets", *sides, "asked, at most", texts=1)
    for work, of in found["work"].items():
        times = (f"{median(seconds) / of['steps'] * 1e6:,.0f}" for seconds in of["seconds"].values())
        yield row(work, *times, *map(spread, of["ratios"].values()), if_known(of["asked"]))


def growth(found: dict[str, Any]) -> Iterator[str]:
    """Tell how time and memory grow."""
    _draw_growth(found, DOCS / "growth.svg")
    yield "## Growth"
    yield from origin(found, "Autoencoder 30-64-32, batch 512; streamed through a tenth of what the rows take.")
    yield "![Time of a row and memory by the number of rows](growth.svg)"
    yield ""
    times = ("in memory, us a row", "streamed, us a row", "streamed by in memory")
    yield from head("rows", *times, "peak in memory", "peak streamed", texts=0)
    for size in found["sizes"]:
        times = {
            side: median(run["seconds"] for run in runs) / size["rows"] * 1e6 for side, runs in size["runs"].items()
        }
        peaks = {side: max(run["peak_bytes"] for run in runs) / 2**20 for side, runs in size["runs"].items()}
        yield row(
            f"{size['rows']:,}",
            f"{times['in memory']:.2f}",
            f"{times['streamed']:.2f}",
            f"{median(size['streamed_by_in_memory']):.0%}",
            f"{peaks['in memory']:,.0f} MiB",
            f"{peaks['streamed']:,.0f} MiB",
        )


def _draw_growth(found: dict[str, Any], path: Path) -> None:
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


def ingest(found: dict[str, Any]) -> Iterator[str]:
    """Tell how long ingestion takes."""
    yield "## Ingestion"
    yield from origin(found, "Ours is all of `ingest`; the others merely read. Times of the fastest of them.")
    yield from head("cores", "case", "side", "seconds", "ours by the fastest", "asked, at most", texts=3)
    for cores, cases in found["cases_by_cores"].items():
        for name, case in cases.items():
            for side, seconds in case["seconds"].items():
                last = (spread(case["ratios"]), f"{case['asked']:.2f}") if side == "ours" else ("", "")
                yield row(cores, name, side, f"{median(seconds):.2f}", *last)


def scoring(found: dict[str, Any]) -> Iterator[str]:
    """Tell how long a package takes to score rows."""
    yield "## Scoring, on one core"
    yield from origin(
        found,
        "Arrays and a table by the squared error; *memory* is an array of float64 under the default score. *bare* is "
        "the graph of the squared error alone, whose time is part of ours; asked is at least so many times ours.",
    )
    yield from head("side", "seconds for a million rows", "one row, p50 in us", "p99 in us", texts=1)
    for side, of in found["sides"].items():
        yield row(side, f"{median(of['seconds']):.3f}", f"{median(of['p50']):.1f}", f"{median(of['p99']):.1f}")
    yield ""
    yield from head("what", "ours", "by", "its time in times of ours", "asked", texts=3)
    for what, ratios in found["ratios"].items():
        for own, of in ratios.items():
            for side, ratio in of.items():
                asked = found["asked"][what].get(side)
                yield row(what.replace("_", " "), own, side, spread(ratio), if_known(asked))


def serving(found: dict[str, Any]) -> Iterator[str]:
    """Tell how long a consumer waits."""
    yield "## Serving"
    yield from origin(
        found, "Until a model is loaded in a new process, and from rows to their scores, medians of all rounds."
    )
    yield from head("in a new process", "seconds", "asked, at most", texts=1)
    for what, seconds in found["loads"].items():
        asked = found["asked"].get(what)
        yield row(f"import and load {what}", spread(seconds), if_known(asked))
    yield ""
    yield from head("side", "rows of a call", "p50 in ms", "p99 in ms", texts=1)
    for side, of in found["waits"].items():
        for batch, waits in of.items():
            yield row(side, batch, f"{median(waits['p50']):.3f}", f"{median(waits['p99']):.3f}")
