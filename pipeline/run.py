"""A run whose streams may be added and removed while it goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock

from detector.errors import UsageError, did_you_mean
from detector.manifest import Manifest
from pipeline.config import SourceConfig
from pipeline.graph import Graph, StreamStages
from pipeline.report import Figures, stream_figures
from pipeline.runtime.runner import Pipeline
from pipeline.stream_names import free_name

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
    ) -> None:
        """Take a graph without streams.

        outputs: the URLs of every stream's outputs, with {stream} for its name
        make_stream: returns the stages of a source under a name
        """
        self.model = model
        self.manifest = manifest
        self.removed: dict[str, Figures] = {}
        self._graph = graph
        self._output_urls = outputs
        self._make_stream = make_stream
        self._sources: dict[str, SourceConfig] = {}
        self._files: dict[str, list[Path]] = {}  # outputs that are files, by stream
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
    def lane_count(self) -> int:
        """How many lanes the shared stages serve; see Graph."""
        return self._graph.lane_count

    def add(self, source: SourceConfig) -> str:
        """Add a stream and return its name; it starts at once if the run has started.

        Its outputs are those of the configuration. Raises UsageError for mistakes that can be
        found before anything is opened, FramelaneError if the run is ending.
        """
        with self._lock:
            name = free_name(source, self._sources)
            targets = [url.replace("{stream}", name) for url in self._output_urls]
            files = [Path(target) for target in targets if "://" not in target]
            self._refuse_collisions(source, files)
            self._graph.add(self._make_stream(source, name))
            self._sources[name], self._files[name] = source, files
            return name

    def remove(self, name: str) -> Figures:
        """End a stream, wait until all of it is written, and return its last figures.

        The wait for a silent camera lasts up to its time-out. Raises UsageError if there is no
        such stream.
        """
        with self._lock:
            if name not in self._sources:
                raise UsageError(f"no stream '{name}'{did_you_mean(name, self._sources)}")
            last = stream_figures(self.pipeline, self._graph.end(name))
            self._graph.forget(name)
            self.pipeline.ledger.forget(name)
            del self._sources[name], self._files[name]
            self.removed.pop(name, None)
            self.removed[name] = last
            if len(self.removed) > MAX_REMOVED:
                del self.removed[next(iter(self.removed))]
            return last

    def _refuse_collisions(self, source: SourceConfig, files: Sequence[Path]) -> None:
        """Raise UsageError if two streams would write one file, or one writes another's source."""
        read = {Path(other.url).resolve() for other in [*self._sources.values(), source]}
        written = {path.resolve() for paths in self._files.values() for path in paths}
        if Path(source.url).resolve() in written:
            raise UsageError(f"{source.url} is also an output: give another source")
        for path in files:
            if path.resolve() in read:
                raise UsageError(f"--output: {path} is also a source: give it another name")
            if path.resolve() in written:
                raise UsageError(
                    f"--output: {path} would be written twice: give another name, or for several "
                    "streams put {stream} into it, as in out/{stream}" + path.suffix
                )
            written.add(path.resolve())
