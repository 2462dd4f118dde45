"""A run whose streams may be added and removed while it goes on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from glob import glob
from itertools import chain
from pathlib import Path
from stat import S_ISREG
from threading import Lock
from urllib.parse import unquote, urlsplit

from detector.errors import FramelaneError, UsageError, did_you_mean
from detector.manifest import Manifest, manifest_path
from pipeline.analytics.board import AnalyticsBoard
from pipeline.checked_text import filled_in
from pipeline.config import SourceConfig
from pipeline.event_services import EventServices
from pipeline.graph import Graph, StreamStages
from pipeline.redaction import shown_url
from pipeline.report.figures import Figures, figures, stream_figures
from pipeline.runtime.runner import Pipeline
from pipeline.sinks.retention import SegmentNames
from pipeline.sources import is_glob
from pipeline.stream_names import free_name

BUSY_SECONDS = 10.0  # to wait while another stream is added or removed
MAX_REMOVED = 1000  # removed streams whose last figures stay in the report


class Run:
    """A pipeline, ready to start, and its streams.

    model, manifest: of the engine
    removed: the last figures of streams that were removed, by name
    """

    def __init__(
        self,
        graph: Graph,
        model: Path,
        manifest: Manifest,
        *,
        outputs: Sequence[str],
        make_stream: Callable[[SourceConfig, str], StreamStages],
        analytics: AnalyticsBoard,
        events: EventServices | None = None,
    ) -> None:
        """Take a graph without streams.

        outputs: the URLs of every stream's outputs, with {stream} for its name
        make_stream: returns the stages of a source under a name
        analytics: the lines and zones of all streams
        events: stores and delivers what happens; None if no events are noted
        """
        self.model = model
        self.manifest = manifest
        self.removed: dict[str, Figures] = {}
        self.analytics = analytics
        self.events = events
        self._graph = graph
        self._output_urls = outputs
        self._make_stream = make_stream
        self._sources: dict[str, SourceConfig] = {}
        self._files: dict[str, list[Path]] = {}  # outputs that are files, by stream
        self._addresses: dict[str, list[str]] = {}  # outputs that are not, by stream
        self._lock = Lock()  # one stream is added or removed at a time

    @property
    def pipeline(self) -> Pipeline:
        """The threads of this run: starts, stops and cancels them."""
        return self._graph.pipeline

    @property
    def streams(self) -> list[StreamStages]:
        """The current streams."""
        return self._graph.streams

    @property
    def engine_is_open(self) -> bool:
        """Whether the engine is open; before that, frames wait."""
        return self._graph.engine_is_open()

    @property
    def lane_count(self) -> int:
        """How many lanes the shared stages serve; see Graph."""
        return self._graph.lane_count

    def add(self, source: SourceConfig) -> str:
        """Add a stream and return its name; it starts at once if the run has started.

        Its outputs are those of the configuration. Raises UsageError for mistakes that can be
        found before anything is opened, FramelaneError if the run is ending.
        """
        with self._alone():
            name = free_name(source, self._sources)
            targets = [filled_in(url, name, source.epoch) for url in self._output_urls]
            files = [Path(target) for target in targets if "://" not in target]
            self._refuse_collisions(source, files)
            addresses = [_address(target) for target in targets if "://" in target]
            self._refuse_shared_addresses(addresses)
            self._graph.add(self._make_stream(source, name))
            self._sources[name], self._files[name] = source, files
            self._addresses[name] = addresses
            return name

    def remove(self, name: str) -> Figures:
        """End a stream, wait until all of it is written, and return its last figures.

        The wait for a silent camera lasts up to its time-out. Raises UsageError if there is no
        such stream, FramelaneError if it does not end.
        """
        with self._alone():
            if name not in self._sources:
                raise UsageError(f"no stream '{name}'{did_you_mean(name, self._sources)}")
            last = stream_figures(self.pipeline, self._graph.end(name))
            self._graph.forget(name)
            self.pipeline.ledger.forget(name)
            if self.events:
                self.events.camera_removed(name)
            del self._sources[name], self._files[name], self._addresses[name]
            self.removed.pop(name, None)
            self.removed[name] = last
            if len(self.removed) > MAX_REMOVED:
                del self.removed[next(iter(self.removed))]
            return last

    def restart(self, name: str) -> None:
        """End a stream as `remove` does, and begin it anew from its source."""
        with self._alone():
            source = self._sources.get(name)
        if source is None:
            raise UsageError(f"no stream '{name}'{did_you_mean(name, self._sources)}")
        self.remove(name)
        self.add(source.model_copy(update={"name": name}))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let one stream be added or removed at a time; FramelaneError if that takes long."""
        if not self._lock.acquire(timeout=BUSY_SECONDS):
            raise FramelaneError("another stream is still being removed: try again later")
        try:
            yield
        finally:
            self._lock.release()

    def reserve(self, path: Path, option: str) -> None:
        """Keep `path` for a file that `option` writes at the end, such as the report.

        Raises UsageError if the run reads that file or writes something else to it.
        """
        with self._alone():
            this = _identities([path])
            read = chain.from_iterable(_read_by(source.url) for source in self._sources.values())
            for used, what in (
                (read, "a source"),
                (_left_by(*self._files.values()), "an output"),
                ([self.model, manifest_path(self.model)], "a part of the model"),
            ):
                if this & _identities(used):
                    raise UsageError(f"{option}: {path} is also {what}: give it another name")
            self._files[f"/{option}"] = [path]  # no stream has such a name

    def _refuse_collisions(self, source: SourceConfig, files: Sequence[Path]) -> None:
        """Raise UsageError if two streams would write one file, or one writes another's source."""
        read = _identities(_path_of(other.url) for other in [*self._sources.values(), source])
        written = _identities(_left_by(*self._files.values()))
        if written & _identities([_path_of(source.url)]):
            raise UsageError(f"{shown_url(source.url)} is also an output: give another source")
        for place, path in enumerate(files):
            identities = _identities(_left_by([path]))
            if identities & read:
                raise UsageError(f"--output: {path} is also a source: give it another name")
            if identities & written:
                raise UsageError(
                    f"--output: {path} would be written twice: give another name, or for several "
                    "streams put {stream} into it, as in out/{stream}" + path.suffix
                )
            self._refuse_shared_names(path, chain(*self._files.values(), files[:place]))
            if _identities(_segments_of(path)) & read:
                raise UsageError(
                    f"--output: {path} gives its files the name that a source has: it would "
                    "overwrite or delete the source: give it another name"
                )
            written |= identities

    @staticmethod
    def _refuse_shared_names(path: Path, others: Iterable[Path]) -> None:
        """Raise UsageError if a segment would have the name of another output's file."""
        for other in others:
            for template, file in ((path, other), (other, path)):
                if "%" in str(template) and SegmentNames(template).may_equal(file):
                    raise UsageError(
                        f"--output: {other} and {path} may give two files one name, so that one "
                        "would overwrite or delete the other: give each a folder of its own"
                    )

    def _refuse_shared_addresses(self, addresses: Sequence[str]) -> None:
        """Raise UsageError if two streams would be sent to one address."""
        taken = set(chain.from_iterable(self._addresses.values()))
        for address in addresses:
            if address in taken:
                raise UsageError(
                    f"--output: {shown_url(address)} would show two streams: give each a path of "
                    "its own, for several streams with {stream} in it, as in rtsp://HOST:PORT/{stream}"
                )
            taken.add(address)


def run_figures(run: Run) -> Figures:
    """Return all counts and measurements of a run, ready for JSON."""
    events = run.events.figures() if run.events else None
    return figures(run.pipeline, run.streams, run.removed, events)


def _address(url: str) -> str:
    """Return where `url` leads, without user and options: what no two streams can share."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2].lower()
    return f"{parts.scheme}://{host}/{parts.path.strip('/')}"


def _path_of(url: str) -> Path:
    """Return the path of a source; of a remote one, a path at which nothing is."""
    parts = re.fullmatch(r"file:(?://(?:localhost)?(?=/))?(.*)", url, re.IGNORECASE | re.DOTALL)
    return Path(unquote(parts[1]) if parts else url)


def _read_by(url: str) -> Iterator[Path]:
    """Yield the files that a source may read: itself, or the files of a folder or glob."""
    path = _path_of(url)
    yield path
    with suppress(OSError, ValueError):
        if path.is_dir():
            yield from path.iterdir()
        elif is_glob(url) and "://" not in url:
            yield from map(Path, glob(url, recursive=True))


def _segments_of(output: Path) -> Iterator[Path]:
    """Yield the existing files with a name that the segments of an output may have."""
    if "%" in str(output) and SegmentNames.unsupported_directive(output) is None:
        yield from SegmentNames(output).existing()


def _left_by(*outputs: Iterable[Path]) -> Iterator[Path]:
    """Yield the files that outputs may leave: each under its name, or as incomplete."""
    for path in chain.from_iterable(outputs):
        yield path
        if path.name:
            yield path.with_suffix(f".incomplete{path.suffix}")


def _identities(paths: Iterable[Path]) -> set[object]:
    """Return what tells whether paths mean one file: where they lead, and which file is there."""
    found: set[object] = set()
    for path in paths:
        with suppress(OSError, RuntimeError):  # no path: a URL, or links in a circle
            found.add(path.resolve())
        with suppress(OSError):
            there = path.stat()
            if S_ISREG(there.st_mode):
                found.add((there.st_dev, there.st_ino))  # the same for each of its hard links
    return found
