"""One stream, from access units to the viewers of one path."""

from __future__ import annotations

import re
import threading
from typing import Any

from pipeline.sinks.rtsp.server_child.gst import Gst, GstRtspServer

MAX_WAITING = 50  # access units in a viewer's pipeline, two seconds of most streams
LAUNCH = (
    "( appsrc name=src is-live=true format=time leaky-type=downstream "
    f"max-buffers={MAX_WAITING} max-bytes=0 max-time=0 "
    "caps=video/x-h264,stream-format=byte-stream,alignment=au "
    "! rtph264pay name=pay0 pt=96 config-interval=-1 )"
)
KEYFRAME = re.compile(rb"\x00\x00\x01[\x05\x25\x45\x65]")  # a slice of one


class Stream(GstRtspServer.RTSPMediaFactory):  # type: ignore[misc]
    """Access units for all viewers of a path, who share one pipeline."""

    def __init__(self) -> None:
        super().__init__()
        self.set_launch(LAUNCH)
        self.set_shared(True)
        self.plays: list[Play] = []
        self.lock = threading.Lock()

    def do_configure(self, media: Any) -> None:
        """Add the pipeline of the first viewer."""
        GstRtspServer.RTSPMediaFactory.do_configure(self, media)
        play = Play(media.get_element().get_child_by_name("src"))
        with self.lock:
            self.plays.append(play)
        media.connect("unprepared", lambda _: self.forget(play))

    def forget(self, play: Play) -> None:
        """Remove the pipeline: the last viewer has gone."""
        with self.lock:
            if play in self.plays:
                self.plays.remove(play)

    def send(self, unit: bytes, captured_at: float) -> None:
        """Send an access unit to all viewers."""
        with self.lock:
            for play in self.plays:
                play.push(unit, captured_at)

    def end(self) -> None:
        """Tell all viewers that the stream has ended."""
        with self.lock:
            for play in self.plays:
                play.source.emit("end-of-stream")


class Play:
    """A pipeline with viewers; it starts with a keyframe."""

    def __init__(self, source: Any) -> None:
        self.source = source
        self.started = False
        self.last = -1  # time of the last access unit, in ns

    def push(self, unit: bytes, captured_at: float) -> None:
        """Send an access unit with the time of its capture, from which viewers learn the clock."""
        if self.source.get_state(0).state != Gst.State.PLAYING:
            return  # before that, it has no base time
        if not (self.started or KEYFRAME.search(unit)):
            return
        self.started = True
        since_start = int(captured_at * Gst.SECOND) - self.source.get_base_time()
        self.last = max(since_start, self.last + 1, 0)
        buffer = Gst.Buffer.new_wrapped(unit)
        buffer.pts = buffer.dts = self.last
        self.source.emit("push-buffer", buffer)
