"""What a registered version was made from, as its tags say."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hourglass.errors import HourglassError
from hourglass.project import Project
from hourglass.registry import addresses, store, tracking, versions
from hourglass.registry.provenance import Provenance


@dataclass(frozen=True)
class Origin:
    """Where a version comes from.

    Parameters
    ----------
    name : str
    number : int
    variant : str
    registered : datetime
        In UTC.
    aliases : tuple of str
        That point to it now.
    run : str
        Id of the MLflow run of its training.
    provenance : Provenance
        Commit and dirty paths of the code.
    data : str
        DVC's hash of the raw snapshot.
    params : dict
        Everything that was set, as in ``params.yaml``, with the section of its own variant alone.
    fingerprint : dict
        What its last bits depend on besides.
    manifest : str
        sha256 of its ``manifest.json``, which holds those of its files.
    """

    name: str
    number: int
    variant: str
    registered: datetime
    aliases: tuple[str, ...]
    run: str
    provenance: Provenance
    data: str
    params: dict[str, Any]
    fingerprint: dict[str, Any]
    manifest: str

    @property
    def uri(self) -> str:
        """Name it by its number, which no promotion moves."""
        return f"models:/{self.name}/{self.number}"

    @classmethod
    def of(cls, project: Project, uri: str) -> "Origin":
        """Read the tags of a version.

        Parameters
        ----------
        project : Project
        uri : str
            ``models:/NAME/3`` or ``models:/NAME@champion``.

        Raises
        ------
        HourglassError
            There is no such version, or it wasn't registered by Hourglass.
        """
        entry = addresses.entry_of(project, uri)
        with store.store_errors(store.uri(project)):
            registered = store.connect(project).get_registered_model(entry.name)
        if not {versions.MANIFEST_HASH, versions.PARAMS, tracking.DATA} <= set(entry.tags):
            raise HourglassError(f"{uri} has no tags that say what it was made from; Hourglass didn't register it.")
        return cls(
            name=entry.name,
            number=int(entry.version),
            variant=entry.tags[tracking.VARIANT],
            registered=datetime.fromtimestamp(entry.creation_timestamp // 1000, UTC),
            aliases=tuple(sorted(one for one, at in registered.aliases.items() if str(at) == str(entry.version))),
            run=entry.run_id,
            provenance=Provenance.read(entry.tags),
            data=entry.tags[tracking.DATA],
            params=json.loads(entry.tags[versions.PARAMS]),
            fingerprint=json.loads(entry.tags[tracking.FINGERPRINT_FACTS]),
            manifest=entry.tags[versions.MANIFEST_HASH],
        )
