"""``ingest``: the raw snapshot becomes five splits on disk."""

from pathlib import Path

from hourglass.data import snapshot
from hourglass.data.ingest import ingest
from hourglass.data.snapshot import Snapshot
from hourglass.params import Params
from hourglass.project import Project
from hourglass.stages.guard import run_guarded


def run(project: Project, params: Params) -> None:
    """Run the stage."""

    def work(raw: Snapshot, folder: Path) -> None:
        info = ingest(raw, folder, params.data, params.split, project.state / "parts")
        counts = ", ".join(f"{name} {count['rows']}" for name, count in info["counts"].items())
        rows = sum(count["rows"] for count in info["counts"].values()) + sum(info["dropped"].values())
        print(f"ingested {rows} rows: {counts}")  # noqa: T201

    run_guarded(project, "ingest", project.dataset, read=lambda: snapshot.opened(project.data, params.data), work=work)
