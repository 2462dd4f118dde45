"""Where results go: one stage, one file each, one table of endings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from detector.errors import FramelaneError, UsageError, did_you_mean
from pipeline.frame import NotWritten, Ticket, Tracked
from pipeline.options import checked_options
from pipeline.redaction import without_password
from pipeline.runtime.stage import Stage


class SinkError(FramelaneError):
    """A result that cannot be written: one line that says where, and why."""


class Sink(Stage[Tracked, Ticket | NotWritten]):
    """Takes tracked frames, and hands back the ticket of each one that has really been written.

    One that it leaves out on purpose it hands back with the reason.

    wants_picture: whether it needs `Tracked.drawn`
    viewer: it is never waited for: a frame that it has no time for is dropped in front of it
    name: that tells it from the others of its stream
    written: the file there is in the end, complete or not; None while there is none
    """

    wants_picture: bool = False
    viewer: bool = False
    name: str
    written: Path | None = None

    @property
    def interruptions(self) -> list[str]:
        """What has kept it from writing for a while: a line each."""
        return []


SINKS = {  # by ending; a new sink is one module and one line
    ".jsonl": "pipeline.sinks.jsonl:JsonLines",
    ".mkv": "pipeline.sinks.video_file:VideoFileSink",
    ".mov": "pipeline.sinks.video_file:VideoFileSink",
    ".mp4": "pipeline.sinks.video_file:VideoFileSink",
    ".txt": "pipeline.sinks.mot:MotText",
}


SEGMENTS = "pipeline.sinks.segments:Segments"  # where the name of a file has a % in it
LIVE_SINKS = {  # by what stands before ://
    "rtsp": "pipeline.sinks.rtsp.sink:Rtsp",
}
_SERVE = re.compile(r"(?<=[?&])serve=1(&|$)")


def make_sink(url: str, *, classes: Sequence[str], options: Mapping[str, Any]) -> Sink:
    """Return the sink that writes to `url`; nothing is created before the first frame.

    classes: the manifest's class names; options: keyword arguments of the sink's constructor
    Raises UsageError: an ending that no sink writes, an option that the sink does not have.
    """
    scheme, live, _ = url.partition("://")
    ending = Path(url).suffix.lower()
    kind = LIVE_SINKS.get(scheme) if live else SINKS.get(ending)
    shown = without_password(url)
    if kind is None:
        known = [f"{each}://" for each in LIVE_SINKS] + list(SINKS)
        hint = did_you_mean(f"{scheme}://" if live else ending, known)
        raise UsageError(f"output '{shown}': no sink writes that{hint}")
    where = f"output '{shown}'"
    if live:
        if _SERVE.search(url):
            url, options = _SERVE.sub("", url).rstrip("?&"), {**options, "serve": True}
        return _made(kind, url, classes, options, where)
    if "%" not in url:
        return _made(kind, Path(url), classes, options, where)
    return _segments(kind, Path(url), classes, options, where)


def _segments(
    kind: str, template: Path, classes: Sequence[str], options: Mapping[str, Any], where: str
) -> Sink:
    """Return the sink that writes many files; what it does not know is an option of each file."""
    segments = _class(SEGMENTS)
    own = inspect.signature(segments).parameters
    apart = {name: value for name, value in options.items() if name in own}
    each = {name: value for name, value in options.items() if name not in own}
    make = partial(_made, kind, classes=classes, options=each, where=where)
    made: Sink = segments(template, make, **checked_options(segments, apart, where))
    return made


def _made(
    kind: str, target: Path | str, classes: Sequence[str], options: Mapping[str, Any], where: str
) -> Sink:
    sink = _class(kind)
    made: Sink = sink(target, classes, **checked_options(sink, options, where))
    return made


def _class(kind: str) -> Any:
    module, name = kind.split(":")
    return getattr(import_module(module), name)
