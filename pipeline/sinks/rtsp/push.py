"""Annotated frames pushed to an RTSP server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import Event
from typing import Any

from detector.renamed import warn_renamed
from pipeline.sinks import Sink
from pipeline.sinks.rtsp.publisher import Publication
from pipeline.sinks.rtsp.receiver import Receiver
from pipeline.sinks.rtsp.serve import RtspServeSink
from pipeline.sinks.rtsp.sink import RtspSink


class RtspPushSink(RtspSink):
    """Pushes to a server that accepts RECORD: rtsp://user:password@host:port/path."""

    @classmethod
    def make(cls, url: str, classes: Sequence[str], options: Mapping[str, Any]) -> Sink:
        """Return a sink for `url`; the old option `serve` makes one that serves."""
        if "serve" not in options:
            return super().make(url, classes, options)
        warn_renamed("the option serve: true of an RTSP output", "?serve=1 in its URL")
        kind: type[RtspSink] = RtspServeSink if options["serve"] else cls
        return kind.make(url, classes, {k: v for k, v in options.items() if k != "serve"})

    def _connect(self, sps: bytes, pps: bytes, stopped: Event) -> Receiver:
        return Publication(self._url, sps, pps, self._timeout, stopped)
