"""``hourglass train V --profile``: no stage, but a look into one."""

from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from hourglass import models
from hourglass.data.dataset import Dataset
from hourglass.files import write_json
from hourglass.params import Params
from hourglass.project import Project
from hourglass.settings import AUTO
from hourglass.stages.inputs import Inputs, require_trainable
from hourglass.training import devices
from hourglass.training.profile import Profile, profiled

#: Parts that take less of a step are shown together.
_LEAST = 0.01


def profile_step(project: Project, params: Params, variant: str) -> str:
    """Take steps of a variant on the project's data, write a trace and the numbers into ``reports/``; give a table.

    Raises
    ------
    HourglassError
        The variant can't be trained on the data.
    """
    device = devices.resolve(params.train.device)
    devices.configure(params.train)
    inputs, settings = Inputs.of(Dataset(project.dataset), device, params.data.memory), params.settings_of(variant)
    require_trainable(inputs, params, variant)
    if settings["latent"] == AUTO:
        settings = settings | {"latent": models.get(variant).narrowest(settings)}
    model = inputs.build(variant, settings, params.seed).to(device)
    trace = project.report.with_name(f"train-{variant}.trace.json")
    found = profiled(model, inputs.train, params.train, variant=variant, seed=params.seed, trace=trace)
    numbers = trace.with_name(f"train-{variant}.profile.json")
    write_json(numbers, asdict(found))
    return f"{_table(found)}\n{_words(found)}\nTrace (ui.perfetto.dev): {trace}\nNumbers: {numbers}"


def _words(found: Profile) -> str:
    how = "replayed from a recording" if found.replayed else f"not replayed: {found.refusal}"
    how += "" if found.busy is None else f"; the GPU computes {found.busy:.0%} of the time"
    return (
        f"A step of {found.rows} rows takes {found.microseconds:,.0f} us, {found.rows / found.microseconds * 1e6:,.0f} "
        f"rows/s ({how}). The profiler slows what is short: shares are those under it."
    )


def _table(found: Profile) -> str:
    table = Table("part", "calls", "us", "share", title=f"a step of {found.variant}")
    for column in table.columns[1:]:
        column.justify = "right"
    shown = [part for part in found.parts if part.share >= _LEAST]
    rest = [part for part in found.parts if part.share < _LEAST]
    for part in shown:
        table.add_row(part.name, f"{part.calls:.0f}", f"{part.microseconds:,.0f}", f"{part.share:.0%}")
    if rest:
        sums = (sum(part.calls for part in rest), sum(part.microseconds for part in rest))
        table.add_row(f"{len(rest)} others", f"{sums[0]:.0f}", f"{sums[1]:,.0f}", f"{sum(it.share for it in rest):.0%}")
    console = Console(width=100)
    with console.capture() as capture:
        console.print(table)
    return capture.get().rstrip()
