"""One stream among many: its own channels at both ends of the stops that all streams share."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Condition
from time import monotonic

from detector.errors import FramelaneError
from pipeline.frame import Detected, Frame, Ready
from pipeline.runtime.channel import Cancelled, Channel, EndOfStream, Overflow, UpstreamFailed
from pipeline.runtime.stats import ChannelStats

REMEMBERED = 0.95  # of how long the slowest frame took, with each frame that comes after it


class StreamLane:
    """The way of one stream through the shared stops, with a credit of a few frames.

    While it has no credit, none of its frames is taken: a stalled recorder then stalls its own
    decoder and nobody else. `decoded` and the credit are guarded by the condition that all lanes
    share, because one thread waits for any of them.

    decoded: frames on their way to the shared stops
    tail: detections on their way to the stream's own tracker and sinks; its capacity is the
        credit, so that the shared stops never wait for it
    """

    def __init__(
        self, name: str, decoded: Channel[Frame], tail: Channel[Detected], changed: Condition
    ) -> None:
        self.name = name
        self.decoded = decoded
        self.tail = tail
        self.ended = False
        self._changed = changed
        self.under_way = 0  # frames in the shared stops
        self._taken_at: deque[float] = deque()  # of the frames that hold credit
        self._to_sinks = 0.0  # seconds from here to its sinks, of the slowest lately
        self._failure: BaseException | None = None

    @property
    def ready(self) -> bool:
        """Whether `take` would return a frame or learn of the end. Holds the condition."""
        return not self.ended and self.decoded.ready and (self._credit > 0 or not len(self.decoded))

    @property
    def _credit(self) -> int:
        return self.tail.capacity - len(self._taken_at)

    @property
    def live(self) -> bool:
        """Whether its frames are worth less the longer they wait."""
        return self.decoded.overflow is Overflow.DROP_OLDEST

    def take(self) -> Frame | None:
        """Take a frame that will not be too old at its sinks if there is one, with credit.

        Holds the condition.
        """
        self.decoded.shed(self._comes_in_time)
        if not self.ready:
            return None
        try:
            frame = self.decoded.take()
        except (EndOfStream, UpstreamFailed, Cancelled) as end:
            self.ended = True
            self._failure = None if isinstance(end, EndOfStream) else end
            self._close_tail_after_the_last()
            return None
        self.under_way += 1
        self._taken_at.append(monotonic())
        return frame

    def deliver(self, item: Detected) -> None:
        """Hand a frame that comes out of the shared stops to the stream's own."""
        with suppress(Cancelled):  # nobody listens to this stream any more; the others go on
            self.tail.send(item)
        with self._changed:
            self.under_way -= 1
            self._close_tail_after_the_last()
            self._changed.notify_all()

    def __iter__(self) -> Iterator[Detected]:
        """Receive what was delivered, on the thread of the stream's tail."""
        return iter(self.tail)

    def cancel(self) -> None:
        """End the stream from behind: its tail listens no more, so its decoder need not run."""
        self.tail.cancel()
        self.decoded.cancel()

    @property
    def stats(self) -> ChannelStats:
        """How the tail waits."""
        return self.tail.stats

    def return_credit(self) -> None:
        """Note that a frame has reached the sinks' channels: another may come."""
        with self._changed:
            took = monotonic() - self._taken_at.popleft()
            self._to_sinks = max(took, self._to_sinks * REMEMBERED)
            if self._credit == 1:
                self._changed.notify_all()

    def _comes_in_time(self, frame: Frame) -> bool:
        """Whether somebody will want it, if it takes as long as the slowest lately.

        Each frame that is left out leaves less of that time: one stall must not end a stream.
        """
        in_time = frame.expires_at > monotonic() + self._to_sinks
        if not in_time:
            self._to_sinks /= 2
        return in_time

    def _close_tail_after_the_last(self) -> None:
        if self.ended and not self.under_way:
            self.tail.close(self._failure)


class RoundRobinInbox:
    """The frames of all lanes in turn; a batch is whatever is ready, and waits for nobody.

    Where a lane is live, no more batches are under way than the engine can hold: a frame that
    would wait for the engine waits in its lane, where a younger one may take its place.

    most: frames in a batch; slots: returns how many batches the engine can hold
    more: lanes may be added when all have ended, until `no_more`
    """

    def __init__(
        self, most: int, changed: Condition, *, slots: Callable[[], int], more: bool = False
    ) -> None:
        self.stats = ChannelStats()
        self._lanes: list[StreamLane] = []
        self._most = most
        self._slots = slots
        self._changed = changed
        self._cancelled = False
        self._more = more
        self._ended = False

    def add(self, lane: StreamLane) -> None:
        """Take frames from this lane, too. Raises FramelaneError where there is an end already."""
        with self._changed:
            if self._ended:
                raise FramelaneError("the run is ending: no stream can be added")
            # one condition guards them all, so they can share one distribution
            lane.decoded.stats.queued = self.stats.queued
            self._lanes.append(lane)
            self._changed.notify_all()

    def forget(self, lane: StreamLane) -> None:
        """Let go of a lane that has ended, once none of its frames is under way."""
        with self._changed:
            self._changed.wait_for(lambda: not lane.under_way or self._cancelled)
            self._lanes.remove(lane)

    def no_more(self) -> None:
        """End with the lanes that are there."""
        with self._changed:
            self._more = False
            self._changed.notify_all()

    def __iter__(self) -> Iterator[Ready]:
        """Yield one to `most` frames at a time until every lane has ended."""
        while frames := self._receive():
            yield Ready(tuple(frames))

    def cancel(self) -> None:
        """Wake the receiver with Cancelled, and every sender too."""
        with self._changed:
            self._cancelled = True
            lanes = list(self._lanes)
            self._changed.notify_all()
        for lane in lanes:
            lane.decoded.cancel()

    def _receive(self) -> list[Frame]:
        called_at = monotonic()
        with self._changed:
            while not (frames := self._take_what_is_ready()):
                if self._at_the_end:
                    self._ended = True
                    break
                self._changed.wait_for(self._has_news)
                if self._cancelled:
                    raise Cancelled("batches")
        self.stats.received_after(monotonic() - called_at)
        return frames

    @property
    def _at_the_end(self) -> bool:
        return not self._more and all(lane.ended for lane in self._lanes)

    def _has_news(self) -> bool:
        ready = self._room > 0 and any(lane.ready for lane in self._lanes)
        return ready or self._cancelled or self._at_the_end

    @property
    def _room(self) -> int:
        """How many frames may be taken now."""
        if not any(lane.live for lane in self._lanes):
            return self._most
        under_way = sum(lane.under_way for lane in self._lanes)
        return min(self._most, self._slots() * self._most - under_way)

    def _take_what_is_ready(self) -> list[Frame]:
        """One frame of each lane per round, beginning behind the lane that was served last."""
        frames: list[Frame] = []
        lanes, room = list(self._lanes), self._room
        while lanes and len(frames) < room:
            lane = lanes.pop(0)
            if (frame := lane.take()) is not None:
                frames.append(frame)
                lanes.append(lane)
                self._lanes.remove(lane)
                self._lanes.append(lane)
        return frames
