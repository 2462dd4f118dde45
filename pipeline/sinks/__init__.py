"""Sinks of results: one stage, one file each, one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, ClassVar, cast

from detector.errors import FramelaneError, UsageError, did_you_mean
from detector.labels.formats import ENDINGS, Kind, ending_of
from pipeline.connections.status import Status
from pipeline.frames.fate import NotWritten, Ticket
from pipeline.frames.result import Tracked
from pipeline.options import checked_options
from pipeline.redaction import shown_url
from pipeline.runtime.stage import Stage


class SinkError(FramelaneError):
    """A result cannot be written: one line that says where, and why."""


class Sink(Stage[Tracked, Ticket | NotWritten]):
    """Takes tracked frames, and returns the ticket of each frame once it is really written.

    A frame that it leaves out is returned with the reason. The constructor is
    `Class(url, classes, *, options)`; nothing is created before the first frame.

    accepted: endings of the files that it writes (".mp4"), or schemes of its URLs ("rtsp://")
    needs_drawing: it needs `Tracked.drawn`
    viewer: it is never waited for: frames that it has no time for are dropped in front of it
    name: unique among the sinks of its stream
    status: the state of its connection, for any thread; None if it has no connection to lose
    written: the file that is left at the end, complete or not; None as long as there is none
    """

    accepted: ClassVar[tuple[str, ...]] = ()
    needs_drawing: bool = False
    viewer: bool = False
    name: str
    status: Status | None = None
    written: Path | None = None

    @classmethod
    def accepts(cls, url: str) -> bool:
        """Return whether this kind of sink writes to `url`."""
        return _ending_or_scheme(url) in cls.accepted

    @classmethod
    def make(cls, url: str, classes: Sequence[str], options: Mapping[str, Any]) -> Sink:
        """Return a sink for `url`; raises UsageError for an option that it does not have."""
        made = cast(Callable[..., Sink], cls)
        where = f"output '{shown_url(url)}'"
        return made(url, classes, **checked_options(made, options, where))

    @property
    def interruptions(self) -> list[str]:
        """What kept it from writing for a while: one line each."""
        return []


SINKS = (  # the first that accepts a URL writes to it; a new sink is one file and one line
    "pipeline.sinks.rtsp.serve:RtspServeSink",
    "pipeline.sinks.rtsp.push:RtspPushSink",
    "pipeline.sinks.segments:Segments",
    "pipeline.sinks.video_file:VideoFileSink",
    "pipeline.sinks.jsonl:JsonLines",
    "pipeline.sinks.mot:MotText",
    "pipeline.sinks.labels:Labels",
)


def make_sink(url: str, *, classes: Sequence[str], options: Mapping[str, Any]) -> Sink:
    """Return the sink that writes to `url`; nothing is created before the first frame.

    classes: the manifest's class names; options: keyword arguments of the sink's constructor
    Raises UsageError for a URL that no sink writes to, or an option that the sink does not have.
    """
    kind = sink_for(url)
    if kind is None:
        accepted = chain.from_iterable(resolve_name(name).accepted for name in SINKS)
        hint = did_you_mean(_ending_or_scheme(url), set(accepted))
        raise UsageError(f"output '{shown_url(url)}': no sink writes that{hint}")
    return kind.make(url, classes, options)


def sink_for(url: str) -> type[Sink] | None:
    """Return the class of the sink that writes to `url`, None if there is none."""
    for name in SINKS:
        sink: type[Sink] = resolve_name(name)
        if sink.accepts(url):
            return sink
    return None


def output_ending(url: str) -> str:
    """Return the ending of an output's name that tells its format, such as `.mp4`."""
    return ending_of(url) or Path(url).suffix


def is_folder(url: str) -> bool:
    """Return whether an output is a folder of labels."""
    ending = ending_of(url)
    return ending is not None and ENDINGS[ending][1] is Kind.FOLDER


def _ending_or_scheme(url: str) -> str:
    scheme, remote, _ = url.partition("://")
    return f"{scheme}://" if remote else Path(url).suffix.lower()
