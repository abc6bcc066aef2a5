"""The commands that tell of variants, and that use a model."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from hourglass.cli.app import app, load_project
from hourglass.errors import HourglassError
from hourglass.project import Project

_PANEL = "Models"
_INPUT = Annotated[
    str, typer.Argument(help="a table, arrays, a folder of images, a recording or a folder of them, or a bundled set")
]
_OUT = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        help="a new .csv or .parquet; of arrays .npy or .npz; of images also a folder for PNG files; of recordings a "
        ".wav or a folder",
    ),
]
_MODEL = Annotated[
    str | None, typer.Option(help="models:/NAME/3 or a folder; by default the champion of registry.name")
]
_CONDITION = Annotated[
    list[str] | None, typer.Option(help="NAME=VALUE, what a conditional model is told; may be repeated")
]


@app.command(rich_help_panel=_PANEL)
def variants(name: Annotated[str | None, typer.Argument(help="explain the settings of this one")] = None) -> None:
    """List what can be trained, or explain the settings of one variant."""
    from hourglass.report.variants import explain, list_variants

    if name is None:
        list_variants()
    else:
        explain(Project.find(), name)


@app.command(rich_help_panel=_PANEL)
def score(
    source: _INPUT,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="a new .csv or .parquet, or a folder: shards and a manifest")
    ],
    shard_rows: Annotated[int, typer.Option(min=1, help="into a folder: rows of a shard")] = 1_000_000,
    shard_form: Annotated[Literal["parquet", "csv"], typer.Option(help="into a folder: what shards are")] = "parquet",
    explain: Annotated[int, typer.Option(min=0, help="so many reasons beside each row: names, and shares")] = 0,
    share: Annotated[
        float | None,
        typer.Option(help="alarms of all rows as one batch, of which at most this share is false on average"),
    ] = None,
    maps: Annotated[Path | None, typer.Option(help="of images: a new folder, of pictures of where each is odd")] = None,
    masks: Annotated[
        Path | None, typer.Option(help="with --maps: a folder of masks, to be told how well maps agree with them")
    ] = None,
    model: _MODEL = None,
) -> None:
    """Judge each row: `hourglass score payments.csv -o judged.csv`; files may be larger than the memory.

    Into a folder, `hourglass score payments.csv -o judged`, what is finished outlives a kill: the same command goes on.
    """
    from hourglass.use import shards
    from hourglass.use.progress import counted
    from hourglass.use.reading import count
    from hourglass.use.score import score as judge

    opened = _model(model)
    drawn, compared = _drawn(opened, output, maps, masks)
    with counted("rows judged", count(source)) as on_rows:
        if output.suffix:
            sentence = judge(opened, source, output, _data(), on_rows, reasons=explain, share=share, maps=drawn)
        else:
            layout = shards.Layout(rows=shard_rows, form=shard_form, reasons=explain, share=share)
            sentence = shards.score(opened, source, output, _data(), on_rows, uri=model or _champion(), layout=layout)
    print(sentence)  # noqa: T201
    if compared is not None:
        print(compared.sentence())  # noqa: T201


@app.command(rich_help_panel=_PANEL)
def monitor(
    source: Annotated[
        str, typer.Argument(help="a folder that `hourglass score` wrote, or rows of any kind that it would take")
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="the page, .html; JSON lies beside it  [default: reports/drift.html]"),
    ] = None,
    alpha: Annotated[
        float | None,
        typer.Option(help="probability that a batch without drift is called drift  [default: monitor.alpha]"),
    ] = None,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="end with status 3 where there is drift")] = False,
    model: _MODEL = None,
) -> None:
    """Tell whether rows are still those that a model was made for: `hourglass monitor judged/`.

    Columns, scores, alarms and codes of the rows are held against those of the calibration rows that the model was
    packaged with. One sentence says what differs beyond chance, a page shows how. Scores bring their counts along, so a
    folder of them takes no time; other rows are scored first.
    """
    from hourglass.drift.verdict import judge
    from hourglass.drift.watch import require
    from hourglass.report import drift
    from hourglass.use.monitor import profile_of
    from hourglass.use.progress import counted

    page, level = _page_and_level()
    page, level = output or page, level if alpha is None else alpha
    drift.require_page(page)
    watch = require(_model(model))
    with counted("rows counted") as on_rows:
        profile = profile_of(watch, source, _data(), on_rows)
    verdict = judge(watch, profile, level)
    drift.write(watch, profile, verdict, Path(source).name, model or _champion(), page)
    print(f"{drift.sentence(verdict)} {page}")  # noqa: T201
    if exit_code and verdict.drifted:
        raise typer.Exit(3)


@app.command(rich_help_panel=_PANEL)
def encode(source: _INPUT, output: _OUT, model: _MODEL = None) -> None:
    """Write the code of each row: `hourglass encode payments.csv -o codes.csv`."""
    from hourglass.use import commands

    print(commands.encode(_model(model), source, output, _data()))  # noqa: T201


@app.command(rich_help_panel=_PANEL)
def reconstruct(source: _INPUT, output: _OUT, model: _MODEL = None) -> None:
    """Write each row as the model rebuilds it: `hourglass reconstruct photos/ -o rebuilt/`."""
    from hourglass.use import commands

    print(commands.reconstruct(_model(model), source, output, _data()))  # noqa: T201


@app.command(rich_help_panel=_PANEL)
def denoise(
    source: _INPUT,
    output: _OUT,
    reference: Annotated[
        str | None, typer.Option(help="of recordings: the clean ones, to be told what was gained")
    ] = None,
    model: _MODEL = None,
) -> None:
    """Write each row cleaned: `hourglass denoise scans/ -o clean/`, `hourglass denoise noisy.wav -o clean.wav`."""
    from hourglass.use import commands

    print(commands.denoise(_model(model), source, output, _data(), reference))  # noqa: T201


@app.command(rich_help_panel=_PANEL)
def translate(source: _INPUT, output: _OUT, condition: _CONDITION = None, model: _MODEL = None) -> None:
    """Write each row as another kind: `hourglass translate digits -o threes.npz --condition digit=3`.

    A model that was told an image of each row translates such images: `hourglass translate photos/ -o sketches/`.
    """
    from hourglass.use import commands

    print(commands.translate(_model(model), source, output, _conditions(condition), _data()))  # noqa: T201


@app.command(rich_help_panel=_PANEL)
def interpolate(
    source: _INPUT,
    output: _OUT,
    steps: Annotated[int, typer.Option(min=2, help="rows, both ends included")] = 8,
    model: _MODEL = None,
) -> None:
    """Write the way from the first row to the last: `hourglass interpolate digits -o way/ --steps 10`."""
    from hourglass.use import commands

    print(commands.interpolate(_model(model), source, output, steps, _data()))  # noqa: T201


@app.command(rich_help_panel=_PANEL)
def sample(
    output: _OUT,
    n: Annotated[int, typer.Option("-n", min=1, help="how many")] = 16,
    seed: Annotated[int, typer.Option(min=0, help="the same seed gives the same rows")] = 0,
    condition: _CONDITION = None,
    model: _MODEL = None,
) -> None:
    """Write new rows: `hourglass sample -n 100 -o new.csv`, `hourglass sample -o threes/ --condition digit=3`."""
    from hourglass.use import commands

    print(commands.sample(_model(model), output, n, seed, _conditions(condition)))  # noqa: T201


def _data() -> Any:
    """Give how data is read: as the project says, where we stand in one."""
    from hourglass.data.reading import DEFAULTS

    try:
        Project.find()
    except HourglassError:
        return DEFAULTS
    return load_project()[1].data


def _model(uri: str | None) -> Any:
    from hourglass.registry.consume import load

    if uri is not None:
        return load(uri)
    champion = _champion()
    try:
        return load(champion)
    except HourglassError as absent:
        raise HourglassError(
            f"{champion} can't be had ({absent}); `hourglass run` makes one, or name a model with --model, for one "
            "work/package/vae."
        ) from absent


def _page_and_level() -> tuple[Path, float]:
    """Give where the drift page goes and when it says drift: as the project says, where we stand in one."""
    from hourglass.params import MonitorParams

    try:
        project = Project.find()
    except HourglassError:
        return Path("drift.html"), MonitorParams().alpha
    return project.drift, load_project()[1].monitor.alpha


def _champion() -> str:
    return f"models:/{load_project()[1].registry.name}@champion"


def _drawn(model: Any, output: Path, maps: Path | None, masks: Path | None) -> tuple[Any, Any]:
    """Open the folder of maps, and the masks that they are held against; None each where it isn't asked for."""
    from hourglass.use.maps import Maps
    from hourglass.use.pictures import form_of

    if maps is None:
        if masks is not None:
            raise HourglassError("--masks are held against maps; name a new folder for these with --maps.")
        return None, None
    if not output.suffix:
        raise HourglassError("--maps go with one file; name a .csv or .parquet as the output.")
    if masks is None:
        return Maps(model, maps), None
    from hourglass.evaluation.masks import MaskFolder

    compared = MaskFolder(masks, form_of(model))
    return Maps(model, maps, compared.add), compared


def _conditions(given: list[str] | None) -> dict[str, list[str]]:
    conditions: dict[str, list[str]] = {}
    for pair in given or ():
        name, equals, value = pair.partition("=")
        if not (name and equals):
            raise HourglassError(f"--condition is {pair!r}; expected NAME=VALUE, such as digit=3.")
        if name in conditions:
            raise HourglassError(f"--condition names {name!r} twice; give it one value.")
        conditions[name] = [value]
    return conditions
