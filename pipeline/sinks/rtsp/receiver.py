"""The receiver of an RTSP sink: a server that frames are pushed to, or one of our own."""

from __future__ import annotations

from pipeline.sinks.rtsp.send_buffer import SendBuffer


class Receiver:
    """A connection that access units are sent on; the constructor of a subclass connects it."""

    _buffer: SendBuffer

    @property
    def backlog(self) -> int:
        """Bytes that wait because the receiver is slow."""
        return self._buffer.backlog

    def send(self, unit: bytes, ticks: int, captured_at: float) -> None:
        """Send one access unit, now or as soon as the receiver accepts it. Raises OSError.

        ticks: its time in 1/90000 s; captured_at: `time.monotonic()` seconds
        """
        raise NotImplementedError

    def flush(self) -> None:
        """Send waiting bytes, and check that the receiver is still there. Raises OSError."""
        self._buffer.received()
        self._buffer.flush()

    def close(self) -> None:
        """Close the connection."""
        raise NotImplementedError
