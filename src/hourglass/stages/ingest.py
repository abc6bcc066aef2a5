"""``ingest``: the raw snapshot becomes five splits on disk."""

from pathlib import Path

from hourglass.data import snapshot
from hourglass.data.ingest import ingest
from hourglass.data.sources import Raw
from hourglass.params import Params
from hourglass.project import Project
from hourglass.stages.guard import run_guarded


def run(project: Project, params: Params) -> None:
    """Run the stage."""

    def work(raw: Raw, folder: Path) -> None:
        info = ingest(raw, folder, params.data, params.split)
        counts = ", ".join(f"{name} {count['rows']}" for name, count in info["counts"].items())
        print(f"ingested {len(raw.rows)} rows: {counts}")  # noqa: T201

    run_guarded(project, "ingest", project.dataset, read=lambda: snapshot.read(project.data, params.data), work=work)
