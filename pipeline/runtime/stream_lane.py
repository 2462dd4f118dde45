"""The path of one stream through the stages that all streams share."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Condition
from time import monotonic

from pipeline.frame import Detected, Frame
from pipeline.runtime.channel import Cancelled, Channel, EndOfStream, Overflow, UpstreamFailed
from pipeline.runtime.stats import ChannelStats

DECAY = 0.95  # each delivered frame multiplies the remembered longest time to the sinks by this


class StreamLane:
    """The channels of one stream before and after the shared stages, and a credit of a few frames.

    A frame is taken only if there is credit for it. So a stalled recorder stalls its own decoder
    and no other stream. One thread waits for any of the lanes, so they all share one condition,
    which guards `decoded` and the credit.

    decoded: frames on their way to the shared stages
    tail: detections on their way to the stream's own tracker and sinks; its capacity is the
        credit, so that the shared stages never wait for it
    clock: seconds, as `Frame.expires_at` counts them
    """

    def __init__(
        self,
        name: str,
        decoded: Channel[Frame],
        tail: Channel[Detected],
        changed: Condition,
        *,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.name = name
        self.decoded = decoded
        self.tail = tail
        self.ended = False
        self.under_way = 0  # frames in the shared stages
        self._changed = changed
        self._clock = clock
        self._taken_at: deque[float] = deque()  # for each frame that uses credit
        self._to_sinks = 0.0  # seconds from `take` to the sinks, of the slowest recent frame
        self._failure: BaseException | None = None

    @property
    def ready(self) -> bool:
        """Whether `take` would return a frame, or find the end of the stream."""
        return not self.ended and self.decoded.ready and (self._credit > 0 or not len(self.decoded))

    @property
    def live(self) -> bool:
        """Whether the stream drops frames rather than let them wait."""
        return self.decoded.overflow is Overflow.DROP_OLDEST

    def take(self) -> Frame | None:
        """Take a frame that will reach its sinks before it expires; None if there is none.

        Drops the frames that will not. Uses one credit.
        """
        with self._changed:
            self.decoded.expire(self._can_arrive_in_time)
            if not self.ready:
                return None
            try:
                frame = self.decoded.receive_nowait()
            except (EndOfStream, UpstreamFailed, Cancelled) as end:
                self.ended = True
                self._failure = None if isinstance(end, EndOfStream) else end
                self._close_tail_after_last_frame()
                return None
            self.under_way += 1
            self._taken_at.append(self._clock())
            return frame

    def deliver(self, item: Detected) -> None:
        """Send a frame that comes out of the shared stages to the stream's own."""
        with suppress(Cancelled):  # this stream has ended; the others go on
            self.tail.send(item)
        with self._changed:
            self.under_way -= 1
            self._close_tail_after_last_frame()
            self._changed.notify_all()

    def __iter__(self) -> Iterator[Detected]:
        """Receive the delivered frames, on the thread of the stream's tracker."""
        return iter(self.tail)

    def cancel(self) -> None:
        """End the stream from its tail: no more frames are received, so none need be decoded."""
        self.tail.cancel()
        self.decoded.cancel()

    @property
    def stats(self) -> ChannelStats:
        """The statistics of the tail."""
        return self.tail.stats

    def return_credit(self) -> None:
        """Note that a frame has reached the channels of its sinks, so that another can follow."""
        with self._changed:
            seconds = self._clock() - self._taken_at.popleft()
            self._to_sinks = max(seconds, self._to_sinks * DECAY)
            if self._credit == 1:
                self._changed.notify_all()

    @property
    def _credit(self) -> int:
        return self.tail.capacity - len(self._taken_at)

    def _can_arrive_in_time(self, frame: Frame) -> bool:
        """Whether a frame would reach its sinks before it expires; if not, halve the expected time.

        The expected time is that of the slowest recent frame. Without the halving, one long stall
        would cause every later frame to be dropped, and so no shorter time to be measured.
        """
        in_time = frame.expires_at > self._clock() + self._to_sinks
        if not in_time:
            self._to_sinks /= 2
        return in_time

    def _close_tail_after_last_frame(self) -> None:
        if self.ended and not self.under_way:
            self.tail.close(self._failure)
