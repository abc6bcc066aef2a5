"""``data/``, under DVC: replace it, or bring it back."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from hourglass import dvc_data, dvc_repo
from hourglass import params as settings_file
from hourglass.data.params import DataParams, SplitParams, changed_settings, kind_settings
from hourglass.dvc_cache import folder_hash, md5_of
from hourglass.errors import HourglassError
from hourglass.locks import locked
from hourglass.params import Params, check_name
from hourglass.params_file import edited
from hourglass.project import Project

DATA_STAGE = "data.dvc"
#: Settings of ``data.signal`` that say how readings are written and mended, whatever they are of.
_KEPT_OF_SERIES = ("max_gap", "duplicates", "format", "unit")
#: Settings of ``data`` that new data doesn't change.
_KEPT = ("columns", "max_invalid", "memory", "table", "image", "audio")


def replace(
    project: Project,
    source: str,
    label: str | None,
    normal: list[str] | None,
    anomalous: list[str] | None,
    condition: list[str] | None,
    name: str | None,
    signal: dict[str, Any] | None = None,
    pair: str | None = None,
    derive: Literal["edges", "night"] | None = None,
) -> Iterator[str]:
    """Put another snapshot in place, version it and set ``params.yaml`` to fit.

    `signal` are the settings of ``data.signal`` that are given; those that are left open are found in the data.

    Yields
    ------
    str
        What was done, a line each.

    Raises
    ------
    HourglassError
        The source can't be read, labels and conditions aren't in it, or no data set can be made of it; the snapshot,
        its version and the settings are then as before. A column that can't be modelled, or has gaps, is no reason:
        what to do about it is set afterwards.
    """
    from hourglass.data import making, proposal, replacing, schemas, snapshot

    there = settings_file.load(project.params_file)
    kept = {key: getattr(there.data.signal, key) for key in _KEPT_OF_SERIES} if signal else {}
    given = kind_settings("signal", kept | (signal or {}))
    settings = proposal.proposed_params(source, label, normal, anomalous, condition, given, pair, derive)
    if name is not None:
        check_name(name)
    settings = settings.model_copy(update={key: getattr(there.data, key) for key in _KEPT})
    settings, splitting, said = proposal.settled(source, settings, there.split)
    yield from said
    new = project.root / f".data-new.{os.getpid()}"
    making.build(source, new, settings, splitting, require_usable=True)
    with locked(project, str(project.data)), replacing.replaced(project.data, new):
        dvc_data.version(project)
    yield f"data/ holds {settings.source}, versioned in data.dvc"
    facts = snapshot.held(project.data) or {}
    settings = schemas.of_columns(settings, [one["name"] for one in facts["columns"]])
    for key, before, after in _set_params(project.params_file, settings, splitting, name):
        yield f"params.yaml: {key}: {before} -> {after}"
    open_questions = [
        ask for find in (schemas.unusable, schemas.lacking) for ask in find(facts, settings, splitting.column)
    ]
    yield from open_questions
    yield "do that, then run `hourglass run` to train on it" if open_questions else "run `hourglass run` to train on it"


def ensure(project: Project, params: Params) -> str:
    """Make sure that ``data/`` holds what ``data.dvc`` says.

    Returns
    -------
    str
        What was done.

    Raises
    ------
    HourglassError
        The snapshot is not here and can't be fetched or rebuilt.
    """
    with locked(project, str(project.data)):
        return bring(project, params)


def bring(project: Project, params: Params) -> str:
    """Do what `ensure` does, for one who holds the lock."""
    from hourglass.data import replacing

    replacing.put_back(project.data)
    if not project.data.exists():
        return _bring_back(project, params)
    if not dvc_data.differs(project):
        return "data/ is as data.dvc says"
    if dvc_data.is_kept(project):  # git moved data.dvc, by a merge for one; nothing is lost
        return _bring_back(project, params)
    dvc_data.version(project)
    return "data/ changed; its new version is in data.dvc"


def _bring_back(project: Project, params: Params) -> str:
    from hourglass.data.sources.embedded import EMBEDDED

    try:
        dvc_repo.run(
            project, ["pull", "--quiet", "data.dvc"] if has_remote(project) else ["checkout", "--quiet", "data.dvc"]
        )
    except HourglassError as missing:
        if params.data.source in EMBEDDED:
            return _rebuild(project, params, missing)
        raise HourglassError(
            f"data/ is not what data.dvc says, and neither DVC's cache nor a remote holds that ({missing}); run "
            "`dvc pull`, or `hourglass data SOURCE` with the original files."
        ) from missing
    return "data/ came from DVC"


def _rebuild(project: Project, params: Params, missing: HourglassError) -> str:
    """Write an embedded set again; anything but what ``data.dvc`` says would pass for an edit in the next run."""
    from hourglass.data import making, replacing

    source, new = params.data.source, project.root / f".data-new.{os.getpid()}"
    making.build(source, new, params.data, params.split)
    files = {path.relative_to(new).as_posix(): md5_of(path) for path in new.rglob("*") if path.is_file()}
    if folder_hash(files) != dvc_data.hash_of(project):
        shutil.rmtree(new)
        raise HourglassError(
            f"neither DVC's cache nor a remote holds what data.dvc says ({missing}), and {source} rebuilt here differs "
            "from it: shards were added, or scikit-learn is of another version. Run `dvc pull` with the remote that "
            f"holds it, install from requirements.lock, or start anew with `hourglass data {source}`."
        )
    with replacing.replaced(project.data, new):
        dvc_repo.run(project, ["commit", "--quiet", "--force", "data.dvc"])
    return f"data/ was rebuilt from {source} and is what data.dvc says"


def has_remote(project: Project) -> bool:
    """Tell whether a default DVC remote is set."""
    from dvc.config import Config

    return bool(Config(dvc_dir=str(project.root / ".dvc"))["core"].get("remote"))


def _set_params(
    path: Path, settings: DataParams, splitting: SplitParams, name: str | None
) -> Iterator[tuple[str, Any, Any]]:
    """Write the settings of a snapshot, keeping the file's order and comments."""
    wanted: dict[str, Any] = {
        "source": settings.source,
        "label": settings.label,
        "normal": settings.normal,
        "anomalous": settings.anomalous,
        "condition": settings.condition,
        "signal": changed_settings(settings.signal),
        "audio": changed_settings(settings.audio),
        "pair": Path(settings.pair).name if settings.pair else None,
        "derive": settings.derive,
    }
    changes = []
    with edited(path) as content:
        section = content.setdefault("data", {})
        wanted["columns"] = {
            name: one for name, one in (section.get("columns") or {}).items() if name in settings.columns
        }
        changes += _set_split(content.setdefault("split", {}), splitting)
        for key, value in wanted.items():
            before = section.get(key)
            if before != value and not (not before and not value):
                changes.append((f"data.{key}", before, value))
                section[key] = value
        if name is not None and content.setdefault("registry", {}).get("name") != name:
            changes.append(("registry.name", content["registry"].get("name"), name))
            content["registry"]["name"] = name
    yield from changes


def _set_split(section: Any, splitting: SplitParams) -> list[tuple[str, Any, Any]]:
    changes = []
    for key, before in (("by", section.get("by", "hash")), ("column", section.get("column"))):
        after = getattr(splitting, key)
        if before != after:
            changes.append((f"split.{key}", before, after))
            section[key] = after
    return changes
