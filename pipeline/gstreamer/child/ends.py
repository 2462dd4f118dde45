"""The two ends of a pipeline: a pad that we push into, and an appsink that hands out."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from pipeline.gstreamer.child.gst import Gst


def source_of(name: str, entry: Any, caps: Any) -> Any:
    """Return a pad linked to the first one of a pipeline, with its stream begun."""
    pad = Gst.Pad.new(name, Gst.PadDirection.SRC)
    pad.set_active(True)
    pad.link(entry)
    segment = Gst.Segment()
    segment.init(Gst.Format.TIME)
    pad.push_event(Gst.Event.new_stream_start(name))
    pad.push_event(Gst.Event.new_caps(caps))
    pad.push_event(Gst.Event.new_segment(segment))
    return pad


def set_up_sink(sink: Any, take: Callable[[Any], Any], ended: threading.Event) -> None:
    """Let an appsink call `take` for each sample at once, and set `ended` at the end."""
    for name, value in (("emit-signals", True), ("sync", False), ("async", False)):
        sink.set_property(name, value)
    sink.connect("new-sample", take)
    sink.connect("eos", lambda _: ended.set())
