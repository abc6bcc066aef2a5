"""``hourglass lineage``: shards -> snapshot -> params -> commit -> run -> version -> moves of the aliases."""

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from hourglass.dvc_cache import Cache, folder_hash
from hourglass.project import Project
from hourglass.registry import history
from hourglass.registry.history import Move
from hourglass.registry.origin import Origin


@dataclass(frozen=True)
class Shard:
    """A part of a snapshot.

    Parameters
    ----------
    name : str
    files : int
    hash : str
        Of the shard alone, as DVC would give it.
    """

    name: str
    files: int
    hash: str


@dataclass(frozen=True)
class Lineage:
    """Everything that led to a version, and where aliases that pointed to it moved.

    Parameters
    ----------
    origin : Origin
    shards : tuple of Shard or None
        None where DVC's cache doesn't hold the list of the snapshot's files.
    moves : tuple of Move
        From or to this version, oldest first.
    """

    origin: Origin
    shards: tuple[Shard, ...] | None
    moves: tuple[Move, ...]

    @classmethod
    def of(cls, project: Project, uri: str) -> "Lineage":
        """Follow a version back.

        Raises
        ------
        HourglassError
            There is no such version, or it wasn't registered by Hourglass.
        """
        origin = Origin.of(project, uri)
        moves = history.moves(project, origin.name)
        own = tuple(move for move in moves if origin.number in (move.before, move.after))
        return cls(origin, _shards(project, origin.data), own)

    def facts(self) -> dict[str, Any]:
        """Describe it for programs."""
        origin = self.origin
        return {
            "shards": None if self.shards is None else [vars(shard) for shard in self.shards],
            "snapshot": {"hash": origin.data, "source": origin.params["data"]["source"]},
            "params": origin.params,
            "commit": {"id": origin.provenance.commit, "dirty": list(origin.provenance.dirty)},
            "run": {"id": origin.run, "fingerprint": origin.fingerprint},
            "version": {
                "uri": origin.uri,
                "variant": origin.variant,
                "registered": origin.registered.isoformat(),
                "aliases": list(origin.aliases),
                "manifest_sha256": origin.manifest,
            },
            "moves": [move.content() for move in self.moves],
        }


def _shards(project: Project, snapshot: str) -> tuple[Shard, ...] | None:
    """Group the files of a snapshot by their folder; ``snapshot.json`` beside the folders is no shard."""
    files = Cache.of(project).listed(snapshot)
    if files is None:
        return None
    shards: dict[str, dict[str, str]] = {}
    for name, md5 in files.items():
        path = PurePosixPath(name)
        if len(path.parts) > 1:
            shards.setdefault(path.parts[0], {})[str(PurePosixPath(*path.parts[1:]))] = md5
    return tuple(Shard(name, len(inside), folder_hash(inside)) for name, inside in sorted(shards.items()))
