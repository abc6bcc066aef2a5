"""The command ``hourglass``."""

import errno
import os
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from hourglass.errors import HourglassError
from hourglass.pipeline import ERROR_PREFIX
from hourglass.project import Project

app = typer.Typer(
    help="Train, evaluate, register and refresh autoencoders. Settings: params.yaml; `hourglass run` does it all.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
_DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}
_DATA, _PIPELINE, _SCHEDULE = "Data", "Pipeline", "Schedule"
_REGISTRY, _MODELS, _UPKEEP = "Registry", "Models", "Upkeep"
_URI_ARGUMENT = typer.Argument(help="models:/NAME/3 or models:/NAME@champion")
_JSON = typer.Option("--json", help="print JSON, for programs")
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
_TABLE = Annotated[Path, typer.Option("--output", "-o", help="a new .csv or .parquet")]
_MODEL = Annotated[
    str | None, typer.Option(help="models:/NAME/3 or a folder; by default the champion of registry.name")
]
_CONDITION = Annotated[
    list[str] | None, typer.Option(help="NAME=VALUE, what a conditional model is told; may be repeated")
]


def main() -> None:
    """Run the command line; a mistake of the user ends it with one sentence and exit status 1."""
    _run_the_projects_own_code()
    try:
        app(standalone_mode=True)
    except Exception as problem:
        sentence = _sentence(problem)
        if sentence is None:
            raise
        print(f"{ERROR_PREFIX}{sentence}", file=sys.stderr)  # noqa: T201
        sys.exit(1)


def _sentence(problem: Exception) -> str | None:
    """Tell a problem that the user can mend; None where it is a defect of ours."""
    if isinstance(problem, OSError) and problem.errno in _DISK_ERRORS:
        return f"{problem}; make room or make it writable, and run this again."
    runtime = sys.modules.get("hourglass.runtime.errors")  # not imported: it brings pandas and onnxruntime along
    known = (HourglassError, runtime.InputError) if runtime else HourglassError
    return str(problem) if isinstance(problem, known) else None


def _run_the_projects_own_code() -> None:
    """Start again with the code of the checkout that we stand in, where that is another than the installed one.

    DVC tracks the code of the checkout (a worktree, a temporary experiment), so that code must be what runs.
    """
    try:
        source = (Project.find().root / "src").resolve()
    except HourglassError:
        return
    here = Path(__file__).resolve().parents[1]
    if (source / "hourglass").is_dir() and source != here:
        path = os.pathsep.join(filter(None, [str(source), os.environ.get("PYTHONPATH")]))
        os.execve(sys.executable, [sys.executable, "-m", "hourglass", *sys.argv[1:]], os.environ | {"PYTHONPATH": path})  # noqa: S606


@app.command(rich_help_panel=_DATA)
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


@app.command(rich_help_panel=_DATA)
def add(
    shard: Annotated[str, typer.Argument(help="more data of the same kind: a file, a folder, or a URL of one")],
    pair: Annotated[Path | None, typer.Option(help="of pairs: the folder of the images that go with them")] = None,
) -> None:
    """Add data to the snapshot as a dated shard: on the branch hourglass/data, or without git in data/."""
    from hourglass.data.sources.urls import local
    from hourglass.stages.add import add as add_shard

    project, params = _load()
    with local(shard) as path:
        added = add_shard(project, path, pair)
    for remark in added.remarks:
        print(remark)  # noqa: T201
    where = "data/" if added.commit is None else f"hourglass/data ({added.commit[:10]})"
    print(f"{added.name} is {'on' if added.commit else 'in'} {where}{'' if added.new else ' already'}")  # noqa: T201
    _run_flow("announce", params.registry.name, added.name)  # always: what added it before may have been killed here


@app.command(rich_help_panel=_DATA)
def describe(
    as_json: Annotated[bool, typer.Option("--json", help="everything that is known, for programs")] = False,
) -> None:
    """Show what is in data/, what was inferred and why, and what `ingest` made of it; reads no row."""
    from hourglass.report.describe import describe as show

    show(Project.find(), as_json=as_json)


@app.command(rich_help_panel=_PIPELINE)
def run() -> None:
    """Run the retrain flow: snapshot, the stages that changed, MLflow, the gate, the report."""
    _run_flow("retrain")


@app.command(rich_help_panel=_SCHEDULE)
def deploy() -> None:
    """Register the scheduled retraining (params.yaml: schedule) with the Prefect server of PREFECT_API_URL."""
    _run_flow("deploy", "deploy")


@app.command(rich_help_panel=_SCHEDULE)
def serve() -> None:
    """Deploy, then work: run what is scheduled on this machine until interrupted."""
    _run_flow("deploy", "serve")


@app.command(rich_help_panel=_PIPELINE)
def ingest() -> None:
    """Stage: split, encode and measure the raw snapshot."""
    from hourglass.stages import ingest as stage

    stage.run(*_load())


@app.command(rich_help_panel=_PIPELINE)
def train(variant: str) -> None:
    """Stage: train a variant; a killed training goes on from its checkpoint."""
    from hourglass.stages import train as stage

    stage.run(*_load_for(variant), variant)


@app.command(rich_help_panel=_PIPELINE)
def package(variant: str) -> None:
    """Stage: make the folder that is registered (ONNX graphs, threshold, runtime)."""
    from hourglass.stages import package as stage

    stage.run(*_load_for(variant), variant)


@app.command(rich_help_panel=_PIPELINE)
def evaluate(variant: str) -> None:
    """Stage: measure a package on selection and test."""
    from hourglass.stages import evaluate as stage

    stage.run(*_load_for(variant), variant)


@app.command(rich_help_panel=_PIPELINE)
def compare() -> None:
    """Stage: rank the variants."""
    from hourglass.stages import compare as stage

    stage.run(*_load())


@app.command(rich_help_panel=_REGISTRY)
def track() -> None:
    """Complete the MLflow runs: after `dvc repro`, a restore from DVC's cache, or an outage of MLflow."""
    from hourglass.registry import ledger

    for variant, run_id in ledger.track(*_load()).items():
        print(f"{variant}: run {run_id} is complete")  # noqa: T201


@app.command(rich_help_panel=_REGISTRY)
def register() -> None:
    """Register the best variant's package, unless it is registered already."""
    version = _register(*_load())
    print(f"{version.uri} ({version.variant}, {version.metric} {version.value:.4f} on selection)")  # noqa: T201


@app.command(rich_help_panel=_REGISTRY)
def promote(
    number: Annotated[int | None, typer.Argument(help="a version; by default that of the present best variant")] = None,
) -> None:
    """Hold a version against the champion on selection; make it champion if the gate opens."""
    from hourglass.registry import promotion, versions

    project, params = _load()
    name = params.registry.name
    version = _register(project, params) if number is None else versions.find(project, name, number)
    print(promotion.promote(project, params, version).sentence)  # noqa: T201


@app.command(rich_help_panel=_REGISTRY)
def rollback(
    reason: Annotated[str, typer.Option(help="why; kept in the history")] = "",
) -> None:
    """Make the previous champion champion again; what it replaces comes back only by `hourglass promote N`."""
    from hourglass.registry import promotion

    project, params = _load()
    print(promotion.rollback(project, params.registry.name, reason))  # noqa: T201


@app.command(name="models", rich_help_panel=_REGISTRY)
def list_models(
    as_json: Annotated[bool, typer.Option("--json", help="print JSON instead of tables")] = False,
) -> None:
    """List the registered versions and every move of their aliases, newest first."""
    from hourglass.report import registered

    project, params = _load()
    (registered.show_json if as_json else registered.show)(project, params)


@app.command(rich_help_panel=_REGISTRY)
def lineage(uri: Annotated[str, _URI_ARGUMENT], as_json: Annotated[bool, _JSON] = False) -> None:
    """Show what a version was made from, back to its shards, and where its aliases moved."""
    from hourglass.registry.lineage import Lineage
    from hourglass.report.lineage import show

    show(Lineage.of(Project.find(), uri), as_json=as_json)


@app.command(rich_help_panel=_REGISTRY)
def reproduce(uri: Annotated[str, _URI_ARGUMENT], as_json: Annotated[bool, _JSON] = False) -> None:
    """Build a version again from its commit, settings and data, and say whether it is the same."""
    from hourglass.registry import reproduction
    from hourglass.report import terminal

    found = reproduction.reproduce(Project.find(), uri, terminal.note)
    if as_json:
        terminal.show_json(found.facts())
    else:
        terminal.show(found.verdict)
    sys.exit(0 if found.match else 1)


@app.command(rich_help_panel=_REGISTRY)
def report() -> None:
    """Render reports/index.html from the last results and the registry."""
    from hourglass.registry import ledger
    from hourglass.report.render import render

    project, params = _load()
    try:
        standing = ledger.standing(project, params)
    except HourglassError as unreachable:
        print(f"{ERROR_PREFIX}{unreachable} The report is rendered without the registry.", file=sys.stderr)  # noqa: T201
        standing = None
    print(render(project, params, standing))  # noqa: T201


@app.command(rich_help_panel=_MODELS)
def variants(name: Annotated[str | None, typer.Argument(help="explain the settings of this one")] = None) -> None:
    """List what can be trained, or explain the settings of one variant."""
    from hourglass.report.variants import explain, list_variants

    if name is None:
        list_variants()
    else:
        explain(Project.find(), name)


@app.command(rich_help_panel=_MODELS)
def score(source: _INPUT, output: _TABLE, model: _MODEL = None) -> None:
    """Judge each row: `hourglass score payments.csv -o judged.csv`; files may be larger than the memory."""
    from hourglass.use.progress import counted
    from hourglass.use.score import score as judge

    with counted("rows judged") as on_rows:
        sentence = judge(_model(model), source, output, _data(), on_rows)
    print(sentence)  # noqa: T201


@app.command(rich_help_panel=_MODELS)
def encode(source: _INPUT, output: _OUT, model: _MODEL = None) -> None:
    """Write the code of each row: `hourglass encode payments.csv -o codes.csv`."""
    from hourglass.use import commands

    print(commands.encode(_model(model), source, output, _data()))  # noqa: T201


@app.command(rich_help_panel=_MODELS)
def reconstruct(source: _INPUT, output: _OUT, model: _MODEL = None) -> None:
    """Write each row as the model rebuilds it: `hourglass reconstruct photos/ -o rebuilt/`."""
    from hourglass.use import commands

    print(commands.reconstruct(_model(model), source, output, _data()))  # noqa: T201


@app.command(rich_help_panel=_MODELS)
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


@app.command(rich_help_panel=_MODELS)
def translate(source: _INPUT, output: _OUT, condition: _CONDITION = None, model: _MODEL = None) -> None:
    """Write each row as another kind: `hourglass translate digits -o threes.npz --condition digit=3`.

    A model that was told an image of each row translates such images: `hourglass translate photos/ -o sketches/`.
    """
    from hourglass.use import commands

    print(commands.translate(_model(model), source, output, _conditions(condition), _data()))  # noqa: T201


@app.command(rich_help_panel=_MODELS)
def interpolate(
    source: _INPUT,
    output: _OUT,
    steps: Annotated[int, typer.Option(min=2, help="rows, both ends included")] = 8,
    model: _MODEL = None,
) -> None:
    """Write the way from the first row to the last: `hourglass interpolate digits -o way/ --steps 10`."""
    from hourglass.use import commands

    print(commands.interpolate(_model(model), source, output, steps, _data()))  # noqa: T201


@app.command(rich_help_panel=_MODELS)
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


@app.command(rich_help_panel=_UPKEEP)
def verify(
    fix: Annotated[bool, typer.Option("--fix", help="move damaged files aside and bring back sound ones")] = False,
    as_json: Annotated[bool, _JSON] = False,
) -> None:
    """Hash the workspace, DVC's cache, the registry and checkpoints; name the files that differ."""
    from hourglass.upkeep import verify as upkeep

    project = Project.find()
    if fix:
        upkeep.mend_damage(project)
    sys.exit(upkeep.report(upkeep.verify(project), as_json=as_json))


@app.command(rich_help_panel=_UPKEEP)
def doctor(
    fix: Annotated[bool, typer.Option("--fix", help="mend what is safe to mend, and say what was done")] = False,
    as_json: Annotated[bool, _JSON] = False,
) -> None:
    """Look for what keeps the project from working: versions, GPU, stores, schedules, leftovers."""
    from hourglass.upkeep import doctor as upkeep

    sys.exit(upkeep.report(upkeep.examine(Project.find(), fix=fix), as_json=as_json))


def _run_flow(name: str, *arguments: str) -> None:
    from importlib import import_module

    project, _ = _load()
    os.chdir(project.root)  # Prefect takes its settings, when it is imported, from pyproject.toml where it stands
    sys.path.insert(0, str(project.root))
    import_module(f"flows.{name}").main(*arguments)


def _register(project: Project, params: Any) -> Any:
    from hourglass.registry import ledger

    registered = ledger.register(project, params)
    if registered is None:
        raise HourglassError("no variant passed its guards (see work/compare/leaderboard.json); nothing is registered.")
    return registered[0]


def _data() -> Any:
    """Give how data is read: as the project says, where we stand in one."""
    from hourglass.data.reading import DEFAULTS

    try:
        Project.find()
    except HourglassError:
        return DEFAULTS
    return _load()[1].data


def _model(uri: str | None) -> Any:
    from hourglass.registry.consume import load

    if uri is not None:
        return load(uri)
    champion = f"models:/{_load()[1].registry.name}@champion"
    try:
        return load(champion)
    except HourglassError as absent:
        raise HourglassError(
            f"{champion} can't be had ({absent}); `hourglass run` makes one, or name a model with --model, for one "
            "work/package/vae."
        ) from absent


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


def _load() -> tuple[Project, Any]:
    from hourglass import params

    project = Project.find()
    return project, params.load(project.params_file)


def _load_for(variant: str) -> tuple[Project, Any]:
    project, loaded = _load()
    if variant not in loaded.variants:
        raise HourglassError(f"{variant!r} is not among the variants of params.yaml: {', '.join(loaded.variants)}.")
    return project, loaded
