"""Annotated frames served by an RTSP server of our own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from threading import Event
from typing import Any

from pipeline.sinks import Sink
from pipeline.sinks.rtsp.receiver import Receiver
from pipeline.sinks.rtsp.server import ServedStream, require_server
from pipeline.sinks.rtsp.sink import RtspSink

_SERVE = re.compile(r"(?<=[?&])serve=1(&|$)")


class RtspServeSink(RtspSink):
    """Serves rtsp://user:password@address:port/path, given as that URL with ?serve=1."""

    @classmethod
    def accepts(cls, url: str) -> bool:
        """Return whether `url` asks for an RTSP server."""
        return super().accepts(url) and _SERVE.search(url) is not None

    @classmethod
    def make(cls, url: str, classes: Sequence[str], options: Mapping[str, Any]) -> Sink:
        """Return a sink for `url`; raises UsageError also if there is no server to be had."""
        require_server(url)
        return super().make(_SERVE.sub("", url).rstrip("?&"), classes, options)

    def _connect(self, sps: bytes, pps: bytes, stopped: Event) -> Receiver:
        return ServedStream(self._url, self._timeout)
