"""What ``hourglass score INPUT -o FOLDER`` writes: judged rows in shards, which a run that was killed goes on with.

A shard is a file of so many rows; ``manifest.json`` tells which there are, of which model and of which input. The
shards put one behind the other are the single file that `score.score` writes. Beside each lies its profile, by which
``hourglass monitor`` finds drift; not where the model's package is older than these.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cached_property, reduce
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

from hourglass.data.params import DataParams
from hourglass.data.reading import DEFAULTS
from hourglass.data.sources import Raw, urls
from hourglass.drift.profile import Profile
from hourglass.drift.watch import Watch
from hourglass.errors import HourglassError
from hourglass.files import delete, digest, folder_hashes, left_behind, read_json, sha256_of, write_json
from hourglass.locks import locked_on_machine
from hourglass.runtime import Model
from hourglass.runtime.manifest import MANIFEST as PACKAGE
from hourglass.use import signals
from hourglass.use.counts import Counts
from hourglass.use.reading import blocks, rows
from hourglass.use.results import Output
from hourglass.use.score import beside, judge
from hourglass.use.screening import Screen, require_screenable

MANIFEST = "manifest.json"
FORMAT_VERSION = 1
#: What must be as it was for a run to go on, and how a sentence names it.
_SAME = {
    "model": "another model",
    "input": "another input",
    "reading": "other settings of how tables are read, data.table or data.columns in params.yaml",
    "shard_rows": "another number of rows per shard",
    "form": "another form of shards",
    "reasons": "another number of reasons",
    "share": "another share of false alarms",
}

#: What files of shards are called; those of a batch not all of whose rows are judged yet have another name.
_PART, _UNSCREENED = "part", "unscreened"
#: What a run writes.
_OURS = (MANIFEST, f"{_PART}-*", f"{_UNSCREENED}-*", "profile-*")

Form = Literal["parquet", "csv"]
OnRows = Callable[[int], None]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How shards are cut.

    Parameters
    ----------
    rows : int
        Of each shard but the last.
    form : "parquet" or "csv"
    reasons : int
        As of `score.score`.
    share : float or None
        As of `score.score`; the batch is that of all shards.
    """

    rows: int = 1_000_000
    form: Form = "parquet"
    reasons: int = 0
    share: float | None = None


@dataclass(frozen=True)
class Shard:
    """A finished file, the number of its first row, what was counted in it, the hash of its bytes; and its profile."""

    file: str
    first_row: int
    rows: int
    alarms: int
    missing: int
    sha256: str
    profile: dict[str, str] | None = None

    @property
    def files(self) -> dict[str, str]:
        """The hashes of the file and its profile, by their names."""
        return {self.file: self.sha256} | ({self.profile["file"]: self.profile["sha256"]} if self.profile else {})

    def is_whole(self, folder: Path) -> bool:
        """Tell whether the file and its profile are as they were written."""
        return all((folder / name).is_file() and sha256_of(folder / name) == of for name, of in self.files.items())

    @property
    def counts(self) -> Counts:
        """What was counted in it."""
        return Counts(self.rows, self.alarms, self.missing)


def score(
    model: Model,
    source: str,
    out: Path,
    data: DataParams = DEFAULTS,
    on_rows: OnRows | None = None,
    *,
    uri: str,
    layout: Layout | None = None,
) -> str:
    """Write the judgement of each row beside it, in shards; finished ones are kept from a run that was killed.

    Row number n of the input lies in shard n // `layout.rows`. Bytes of a shard depend on the model, the input and
    the layout alone. Done again, nothing is written; a shard that is missing or damaged is made anew. Readings of
    series, which are judged as a whole, become one shard and the file of anomalies beside it. Where alarms are those of
    the batch, all rows are judged before the first shard has its name.

    Parameters
    ----------
    model, source, data, on_rows
        As of `score.score`.
    out : Path
        A folder: new, empty, or what an earlier run left.
    uri : str
        How the model is called, for the manifest.
    layout : Layout, optional

    Raises
    ------
    HourglassError
        The folder holds something else or was begun with another model, input or layout; another process writes to
        it; or as of `score.score`. Where no shard is finished, nothing is left of the run.
    InputError
        The rows aren't such as the model takes, or `layout.share` doesn't lie between 0 and 1.
    """
    layout = layout or Layout()
    if layout.share is not None:
        require_screenable(model, layout.share)
    with locked_on_machine(f"score {out.resolve()}") as alone, urls.local(source) as path:
        if not alone:
            raise HourglassError(f"another process writes to {out}; wait for it, or name another output.")
        given = str(path) if urls.is_url(source) else source
        job = _Job(model, given, out, data, layout, on_rows or _ignore)
        return job.run(_described(job, uri, source))


def identity(model: Model) -> str:
    """Give what tells a model from others: the SHA-256 of its package's manifest."""
    return sha256_of(model.folder / PACKAGE)


def manifest(out: Path) -> dict[str, Any]:
    """Read what a folder of shards says of itself.

    Raises
    ------
    HourglassError
        It holds no manifest, or one of another format.
    """
    if not (out / MANIFEST).is_file():
        raise HourglassError(f"{out} holds no {MANIFEST}; expected what `hourglass score INPUT -o FOLDER` wrote.")
    found: dict[str, Any] = read_json(out / MANIFEST)
    if found.get("format_version") != FORMAT_VERSION or "shards" not in found:
        raise HourglassError(f"{out / MANIFEST} is of another format; remove {out} or name another output.")
    return found


@dataclass(frozen=True)
class _Job:
    """One run of `score`."""

    model: Model
    source: str
    out: Path
    data: DataParams
    layout: Layout
    on_rows: OnRows

    @cached_property
    def watch(self) -> Watch | None:
        """What makes profiles; None where the model's package has nothing to hold rows against."""
        return Watch.of(self.model)

    def run(self, described: dict[str, Any]) -> str:
        found = self._begun(described)
        described |= {"model": found["model"]}  # it is the same, whatever it is called now
        kept = {entry.first_row: entry for entry in _shards(found) if entry.is_whole(self.out)}
        there = found["complete"] and len(kept) == len(found["shards"])
        if not there:
            with self._folder(kept):
                self._write(described, kept)
        counts = sum((entry.counts for entry in kept.values()), Counts())
        again = "; all of it was there" if there else ""
        return f"{self.out}: {len(kept):,} shard(s), {counts.sentence(self.model, self.layout.share)}{again}"

    def _begun(self, described: dict[str, Any]) -> dict[str, Any]:
        """Read what an earlier run left, or begin."""
        is_begun = (self.out / MANIFEST).exists()
        if self.out.is_file() or (self.out.is_dir() and not is_begun and self._holds_another()):
            raise HourglassError(f"{self.out} exists and is no folder of shards; remove it or name another output.")
        if not is_begun:
            return described | {"shards": [], "complete": False}
        found = manifest(self.out)
        if not found["shards"]:  # nothing is finished that could be mixed
            return described | {"shards": [], "complete": False}
        for key, other in _SAME.items():
            before, now = found.get(key), described[key]
            if _bare(before) != _bare(now):
                raise HourglassError(
                    f"{self.out} was begun with {other} ({_shown(before)}, now {_shown(now)}); remove it to score all "
                    "anew, or name another output."
                )
        return found

    def _holds_another(self) -> bool:
        """Tell whether something lies in the folder that no killed run left."""
        return bool(set(self.out.iterdir()) - set(left_behind(self.out)))

    @contextmanager
    def _folder(self, kept: dict[int, Shard]) -> Iterator[None]:
        """Make the folder; where no shard is finished in it, a refusal leaves what was there before."""
        was_there, is_begun = self.out.exists(), (self.out / MANIFEST).exists()
        self.out.mkdir(parents=True, exist_ok=True)
        try:
            yield
        except BaseException:
            if not (is_begun or kept):
                delete(*self._written())
                if not (was_there or any(self.out.iterdir())):
                    self.out.rmdir()
            raise

    def _written(self) -> list[Path]:
        """List what runs wrote into the folder."""
        return [path for name in _OURS for path in self.out.glob(name)]

    def _write(self, described: dict[str, Any], kept: dict[int, Shard]) -> None:
        """Write the shards that aren't kept; before the first, and after each, the manifest."""
        whole = {MANIFEST, *(name for shard in kept.values() for name in shard.files)}
        delete(*left_behind(self.out), *(path for path in self._written() if path.name not in whole))
        self._note(described, kept, complete=False)
        for shard in self._series() if signals.is_of_series(self.model) else self._by_shard(kept):
            kept[shard.first_row] = shard
            self._note(described, kept, complete=False)
        if self.layout.share is not None:
            for shard in self._screened(self.layout.share, list(kept.values())):
                kept[shard.first_row] = shard
                self._note(described, kept, complete=False)
        self._note(described, kept, complete=True)

    def _note(self, described: dict[str, Any], kept: dict[int, Shard], *, complete: bool) -> None:
        shards = [asdict(shard) for _, shard in sorted(kept.items())]
        write_json(self.out / MANIFEST, described | {"shards": shards, "complete": complete})

    def _by_shard(self, kept: dict[int, Shard]) -> Iterator[Shard]:
        """Give each shard: the kept ones, and the others as they are made."""
        read = blocks(self.model, self.source, self.data, self.out / self._name(0))
        first: Path | None = None
        for number, pieces in groupby(_cut(read, self.layout.rows), lambda piece: piece[1] // self.layout.rows):
            at = number * self.layout.rows
            if at in kept:
                for raw, first_row in pieces:
                    self.on_rows(first_row + len(raw.rows))
                shard = kept[at]
            else:
                shard = self._shard(number, pieces, first)
            first = first or self.out / shard.file
            yield shard

    def _shard(self, number: int, pieces: Iterator[tuple[Raw, int]], like: Path | None) -> Shard:
        screened = self.layout.share is not None
        path, counts, profiles = self.out / self._name(number, _UNSCREENED if screened else _PART), Counts(), []
        with Output(path, like) as output:
            for raw, first_row in pieces:
                judged = judge(self.model, raw, first_row, self.layout.reasons, screened=screened)
                output.add(beside(raw, first_row, judged, self.source))
                counts += Counts.of(judged)
                if self.watch is not None:
                    profiles.append(self.watch.profile(rows(self.model, raw), judged, first_row=first_row))
                self.on_rows(first_row + len(judged))
        return self._finished(path, number, counts, profiles)

    def _finished(self, path: Path, number: int, counts: Counts, profiles: list[Profile]) -> Shard:
        """Write the profile of a shard and describe both."""
        profile = None
        if profiles:
            beside_it = self.out / f"profile-{number:05d}.json"
            reduce(Profile.merge, profiles).write(beside_it)
            profile = {"file": beside_it.name, "sha256": sha256_of(beside_it)}
        return Shard(path.name, number * self.layout.rows, **asdict(counts), sha256=sha256_of(path), profile=profile)

    def _series(self) -> Iterator[Shard]:
        """Judge readings as a whole."""
        path = self.out / self._name(0)
        for left in self.out.glob(f"{path.stem}*"):
            left.unlink()
        counts, _ = signals.judge(self.model, self.source, path, self.data, reasons=self.layout.reasons)
        readings, _ = signals.read(self.source, self.data)
        profiles = [] if self.watch is None else [self.watch.profile(readings, self.model.score(readings))]
        yield self._finished(path, 0, counts, profiles)

    def _screened(self, share: float, shards: list[Shard]) -> Iterator[Shard]:
        """Write each shard whose rows were judged by themselves, with what they are as a batch."""
        screen = Screen(share, [self.out / shard.file for shard in shards])
        for shard in shards:
            path = self.out / self._name(shard.first_row // self.layout.rows)
            if shard.file != path.name:
                alarms = screen.write(self.out / shard.file, path)
                yield replace(shard, file=path.name, alarms=alarms, sha256=sha256_of(path))
                (self.out / shard.file).unlink()

    def _name(self, number: int, stem: str = _PART) -> str:
        return f"{stem}-{number:05d}.{self.layout.form}"


def _described(job: _Job, uri: str, source: str) -> dict[str, Any]:
    """Say what a shard's bytes depend on."""
    return {
        "format_version": FORMAT_VERSION,
        "model": {"uri": uri, "sha256": identity(job.model)},
        "input": {"name": urls.name_of(source)} | _content(Path(job.source)),
        "reading": digest(job.data.model_dump(mode="json", include={"table", "columns"})),
        "shard_rows": job.layout.rows,
        "form": job.layout.form,
        "reasons": job.layout.reasons,
        "share": job.layout.share,
    }


def _content(path: Path) -> dict[str, Any]:
    """Hash what is read; of a bundled set its name says all."""
    if path.is_dir():
        return {"sha256": digest(folder_hashes(path))}
    return {"sha256": sha256_of(path), "bytes": path.stat().st_size} if path.is_file() else {}


def _cut(read: Iterator[tuple[Raw, int]], rows: int) -> Iterator[tuple[Raw, int]]:
    """Cut blocks where shards begin."""
    for raw, first_row in read:
        start, count = 0, len(raw.rows)
        while start < count:
            stop = min(count, start + rows - (first_row + start) % rows)
            yield (raw if stop - start == count else raw.part(slice(start, stop))), first_row + start
            start = stop


def _shards(found: dict[str, Any]) -> list[Shard]:
    return [Shard(**entry) for entry in found["shards"]]


def _bare(value: Any) -> Any:
    """Leave out what a thing is called, where its content is known."""
    return value.get("sha256", value) if isinstance(value, dict) else value


def _shown(value: Any) -> str:
    """Name a thing in few words."""
    if not isinstance(value, dict):
        return str(value)[:12]
    return f"{value.get('uri', value.get('name'))} {value.get('sha256', '')[:12]}".rstrip()


def _ignore(rows: int) -> None:
    """Tell nobody."""
