"""The lineage of a version as a tree."""

from rich.tree import Tree

from hourglass.registry.lineage import Lineage
from hourglass.report import terminal

_SHORT = 12


def show(lineage: Lineage, *, as_json: bool) -> None:
    """Print it as a tree, or as JSON."""
    if as_json:
        terminal.show_json(lineage.facts())
    else:
        terminal.show(_tree(lineage))


def _tree(lineage: Lineage) -> Tree:
    origin = lineage.origin
    held = f" ({', '.join(origin.aliases)})" if origin.aliases else ""
    tree = Tree(f"{origin.uri}{held}")
    _add_data(tree, lineage)
    params = tree.add("params")
    for name, value in origin.params.items():
        shown = ", ".join(f"{key}={inner}" for key, inner in value.items()) if isinstance(value, dict) else value
        params.add(f"{name}: {shown}")
    commit = tree.add(f"commit {origin.provenance.commit or 'unknown: the code was in no git repository'}")
    for path in origin.provenance.dirty:
        commit.add(f"differed from it: {path}")
    run = tree.add(f"run {origin.run}")
    run.add(", ".join(f"{name} {value}" for name, value in origin.fingerprint.items()))
    version = tree.add(f"version {origin.number}: {origin.variant}, registered {origin.registered:%Y-%m-%d %H:%M} UTC")
    version.add(f"manifest sha256 {origin.manifest}")
    moves = tree.add("moves of aliases" if lineage.moves else "moves of aliases: none")
    for move in lineage.moves:
        way = f"{move.before or 'nothing'} -> {move.after or 'nothing'}"
        moves.add(f"{move.time:%Y-%m-%d %H:%M} UTC {move.alias}: {way}, {move.kind} ({move.by}): {move.reason}")
    return tree


def _add_data(tree: Tree, lineage: Lineage) -> None:
    origin = lineage.origin
    snapshot = tree.add(f"snapshot {origin.data} ({origin.params['data']['source']})")
    if lineage.shards is None:
        snapshot.add("shards unknown: DVC's cache doesn't hold its list of files; `dvc fetch` it from a remote")
    for shard in lineage.shards or ():
        snapshot.add(f"shard {shard.name}: {shard.files} file{'s' * (shard.files != 1)}, {shard.hash[:_SHORT]}")
