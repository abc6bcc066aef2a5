"""Open a registered model without running any code from it."""

from pathlib import Path

from hourglass import unpickling
from hourglass.errors import HourglassError
from hourglass.project import Project
from hourglass.registry import store
from hourglass.runtime import Model
from hourglass.runtime.errors import InputError
from hourglass.runtime.manifest import MANIFEST


def load(uri: str) -> Model:
    """Open a registered model, or a packaged folder.

    The same files as ``mlflow.pyfunc.load_model`` are read by the installed runtime: the hash of every file is checked,
    and nothing from the model is executed or unpickled.

    Parameters
    ----------
    uri : str
        ``models:/NAME@champion``, ``models:/NAME/3``, or the path of a folder such as ``work/package/vae``.

    Returns
    -------
    Model

    Raises
    ------
    HourglassError
        There is no such model, or the store can't be reached.
    InputError
        A file differs from its hash, or the format is unknown.
    """
    folder = fetch(uri)
    with unpickling.refused():
        return Model(folder)


def champion(project: Project, name: str) -> tuple[Model, str]:
    """Open the champion of a registered name; second its version as a URI, which stays when the alias moves.

    Raises
    ------
    HourglassError
        There is none, or its files are missing.
    InputError
        A file differs from its hash.
    """
    from hourglass.registry import versions

    found = versions.standing(project, name, {}).champion
    if found is None:
        raise HourglassError(f"{name} has no champion yet; `hourglass run` makes one.")
    with unpickling.refused():
        return Model(fetch(found.uri, project)), found.uri


def fetch(uri: str, project: Project | None = None) -> Path:
    """Bring the package of a registered model onto this machine.

    Parameters
    ----------
    uri : str
        See `load`.
    project : Project, optional
        Whose store is asked; by default the one that the working directory is in.

    Returns
    -------
    Path
        A folder for `hourglass.runtime.Model`.
    """
    if ":/" not in uri:
        return Path(uri)
    where = _connect(project)
    with store.store_errors(where):
        import mlflow
        from mlflow.exceptions import MlflowException

        try:
            fetched = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri))
        except (OSError, MlflowException) as missing:
            if isinstance(missing, MlflowException) and "No such artifact" not in str(missing):
                raise
            raise HourglassError(
                f"the files of {uri} are missing ({missing}); MLflow keeps absolute paths; if the project was "
                "moved, run `hourglass doctor --fix`."
            ) from missing
    for folder in (fetched, *(fetched / "artifacts").glob("*")):
        if (folder / MANIFEST).is_file():
            return folder
    raise InputError(f"{uri} is no model of Hourglass, or its files were moved: it holds no {MANIFEST}.")


def _connect(project: Project | None) -> str:
    """Use the store of the project that we are in; outside of one, whatever MLflow is set to."""
    try:
        project = project or Project.find()
    except HourglassError:
        import mlflow

        return str(mlflow.get_tracking_uri())
    store.connect(project)
    return store.uri(project)
