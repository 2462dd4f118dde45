"""The first stage: numbers the frames of a source, repairs their times, and drops by `stride`."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from math import inf
from time import monotonic

from pipeline.frames.frame import Frame
from pipeline.runtime.ledger import Ledger
from pipeline.runtime.stage import Stage
from pipeline.sources import Decoded, Skipped, Source
from pipeline.stages.frame_clock import Clock

CATCHES_UP = 0.5  # seconds by which frames may be late before the rest of the recording is, too


class Decode(Stage[Decoded | Skipped, Frame]):
    """Numbers the frames of a source and repairs their times.

    The numbers count every frame of the source, also those that are dropped or do not decode. The
    stage opens and closes the source on its own thread; the source is also its inbox.

    stride: pass on every k-th frame
    max_frames: stop the source when this many frames have been passed on
    realtime: pass each frame on at its time in the recording, as a camera would; a recording that
        is read too slowly for that is played more slowly
    max_age: with `realtime`, seconds after its capture time at which a frame expires; None: never
    """

    def __init__(
        self,
        source: Source,
        ledger: Ledger,
        *,
        stride: int = 1,
        max_frames: int | None = None,
        realtime: bool = False,
        max_age: float | None = None,
    ) -> None:
        self._source = source
        self._ledger = ledger
        self._stride = stride
        self._max_frames = max_frames
        self._realtime = realtime
        self._max_age = max_age
        self._started_at: float | None = None  # `monotonic()` at time 0 of the stream
        self._clock: Clock | None = None
        self._index = 0
        self._passed_on = 0

    @property
    def repaired(self) -> int:
        """Number of frames whose time differs from the source's."""
        return self._clock.repaired if self._clock else 0

    def open(self) -> None:
        """Open the source."""
        self._stream = self._source.open()
        stream = self._stream
        self._clock = Clock(stream.nominal_interval, stream.clock_period, stream.epochs)

    def process(self, item: Decoded | Skipped) -> Iterable[Frame]:
        """Return one frame, or none if it is dropped; with `realtime`, wait until it is due."""
        assert self._clock, "open() comes first"
        if isinstance(item, Skipped):
            self._ledger.skipped(self._stream.name, "decode", item.reason)
            self._index += 1
            return ()
        ticks = self._clock.ticks(item.pts, item.dts, item.time_base, keyframe=item.keyframe)
        reason = self._reason_to_drop()
        captured_at, expires_at = item.captured_at, item.expires_at
        if self._realtime and not reason:
            captured_at = self._wait_until_due(ticks * item.time_base)
            expires_at = inf if self._max_age is None else captured_at + self._max_age
        frame = Frame(
            self._stream,
            self._index,
            item.pts,
            ticks,
            item.time_base,
            captured_at,
            item.picture,
            item.scene,
            expires_at,
        )
        self._index += 1
        self._ledger.decoded(frame.ticket)
        if reason:
            self._ledger.dropped(frame, "decode", reason)
            return ()
        self._passed_on += 1
        if self._passed_on == self._max_frames:
            self._source.stop()
        return (frame,)

    def close(self) -> None:
        """Close the source."""
        self._source.close()

    def _reason_to_drop(self) -> str:
        """Return the name of the option that drops the current frame; empty if it is kept."""
        if self._passed_on == self._max_frames:
            return "max_frames"  # the source decodes a few more before it stops
        return "stride" if self._index % self._stride else ""

    def _wait_until_due(self, time: Fraction) -> float:
        """Wait until a frame is due, or the stream is cut; return its capture time.

        time: of the frame, in seconds on the stream's clock
        """
        now = monotonic()
        if self._started_at is None or self._started_at + float(time) < now - CATCHES_UP:
            self._started_at = now - float(time)
        due_at = self._started_at + float(time)
        self._stream.cut.wait(max(0.0, due_at - now))
        return min(due_at, monotonic())
