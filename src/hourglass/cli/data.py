"""The commands about data."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from hourglass.cli.app import app, load_project, run_flow
from hourglass.errors import HourglassError
from hourglass.project import Project

_PANEL = "Data"


@app.command(rich_help_panel=_PANEL)
def data(
    source: Annotated[
        str,
        typer.Argument(
            help="digits, breast_cancer, torchvision:MNIST, a .csv, .jsonl, .parquet, .npy, .npz, .safetensors, .wav, "
            "a folder of tables, images or recordings, or a URL of one"
        ),
    ],
    label: Annotated[str | None, typer.Option(help="column or array that tells normal from anomalous")] = None,
    normal: Annotated[list[str] | None, typer.Option(help="a label of normal rows; may be repeated")] = None,
    anomalous: Annotated[list[str] | None, typer.Option(help="a label of anomalous rows, instead of --normal")] = None,
    condition: Annotated[
        list[str] | None, typer.Option(help="a column or array that conditional variants are told; may be repeated")
    ] = None,
    pair: Annotated[
        str | None, typer.Option(help="folder of images that go with those of SOURCE by their names, and are told")
    ] = None,
    derive: Annotated[
        Literal["edges", "night"] | None,
        typer.Option(help="make the pair of each image: its edges, or how it looks at night"),
    ] = None,
    name: Annotated[str | None, typer.Option(help="registered name for models of this data (registry.name)")] = None,
    time: Annotated[str | None, typer.Option(help="column of times; the table is then read as series")] = None,
    series: Annotated[str | None, typer.Option(help="column that names the series; else one for each file")] = None,
    target: Annotated[
        list[str] | None, typer.Option(help="channel of a series that is to be made of the others; may be repeated")
    ] = None,
    window: Annotated[int | None, typer.Option(help="points of a window of a series")] = None,
    stride: Annotated[int | None, typer.Option(help="points from one window to the next")] = None,
    period: Annotated[str | None, typer.Option(help="time from one point to the next, such as 5min")] = None,
    anomalies: Annotated[
        str | None, typer.Option(help="file of times between which series are anomalous: CSV start,end or JSON")
    ] = None,
) -> None:
    """Replace the raw snapshot in data/, version it with DVC and set `data` in params.yaml to fit."""
    from hourglass.stages import snapshot

    of_series = {
        "time": time,
        "series": series,
        "target": target or None,
        "window": window,
        "stride": stride,
        "period": period,
        "anomalies": anomalies,
    }
    given = {key: value for key, value in of_series.items() if value is not None}
    if given and time is None:
        raise HourglassError(f"--{next(iter(given))} is for series; give --time COLUMN, too.")
    for line in snapshot.replace(
        Project.find(), source, label, normal, anomalous, condition, name, given, pair, derive
    ):
        print(line)  # noqa: T201


@app.command(rich_help_panel=_PANEL)
def add(
    shard: Annotated[str, typer.Argument(help="more data of the same kind: a file, a folder, or a URL of one")],
    pair: Annotated[Path | None, typer.Option(help="of pairs: the folder of the images that go with them")] = None,
) -> None:
    """Add data to the snapshot as a dated shard: on the branch hourglass/data, or without git in data/."""
    from hourglass.data.sources.urls import local
    from hourglass.stages.add import add as add_shard

    project, params = load_project()
    with local(shard) as path:
        added = add_shard(project, path, pair)
    for remark in added.remarks:
        print(remark)  # noqa: T201
    where = "data/" if added.commit is None else f"hourglass/data ({added.commit[:10]})"
    print(f"{added.name} is {'on' if added.commit else 'in'} {where}{'' if added.new else ' already'}")  # noqa: T201
    run_flow("announce", params.registry.name, added.name)  # always: what added it before may have been killed here


@app.command(rich_help_panel=_PANEL)
def describe(
    as_json: Annotated[bool, typer.Option("--json", help="everything that is known, for programs")] = False,
) -> None:
    """Show what is in data/, what was inferred and why, and what `ingest` made of it; reads no row."""
    from hourglass.report.describe import describe as show

    show(Project.find(), as_json=as_json)
