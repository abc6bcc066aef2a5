"""Files that arrive in a folder, each scored once by the champion of the time."""

from pathlib import Path

from hourglass.data.params import DataParams
from hourglass.data.reading import DEFAULTS
from hourglass.errors import HourglassError
from hourglass.files import delete
from hourglass.runtime import Model
from hourglass.use import shards
from hourglass.use.shards import MANIFEST


def waiting(source: Path, output: Path) -> list[Path]:
    """List what isn't wholly scored, by name: files, and folders of files.

    Names that begin with a dot or an underscore are left out; a file is written under such a name and renamed when it
    is whole.

    Parameters
    ----------
    source : Path
        What arrives.
    output : Path
        For each file a folder of shards of its name.

    Raises
    ------
    HourglassError
        `source` is no folder.
    """
    if not source.is_dir():
        raise HourglassError(
            f"params.yaml: score.source is {source}, and there is no such folder; make it, and move files into it."
        )
    arrived = sorted(path for path in source.iterdir() if not path.name.startswith((".", "_")))
    return [path for path in arrived if not _is_done(path, output / path.name)]


def score(model: Model, uri: str, arrived: Path, output: Path, data: DataParams = DEFAULTS) -> str:
    """Score a file, or go on with it; see `shards.score`.

    What another model left half done is begun anew, so that no result is of two models.

    Parameters
    ----------
    model : Model
    uri : str
        How it is called.
    arrived, output : Path
        As of `waiting`.
    data : DataParams
        How the file is read.
    """
    out = output / arrived.name
    if (out / MANIFEST).is_file():
        found = shards.manifest(out)
        if not found["complete"] and found["model"]["sha256"] != shards.identity(model):
            delete(out)
    return shards.score(model, str(arrived), out, data, uri=uri)


def _is_done(arrived: Path, out: Path) -> bool:
    """Tell whether a file is scored; one that has another size now isn't, and will be refused."""
    if not (out / MANIFEST).is_file():
        return False
    found = shards.manifest(out)
    grown = arrived.is_file() and found["input"].get("bytes") != arrived.stat().st_size
    return bool(found["complete"]) and not grown
