"""The path of one stream through the stages that all streams share."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from threading import Condition
from time import monotonic

from detector.detections import Detections
from pipeline.frames.decision import Decision, Reason
from pipeline.frames.frame import Frame
from pipeline.frames.result import Detected
from pipeline.runtime.channel import Cancelled, Channel, EndOfStream, Overflow, UpstreamFailed
from pipeline.runtime.stats import ChannelStats

SERVED_SECONDS = 0.1  # after which a frame of a stream without attention is due
DECAY = 0.95  # each delivered frame multiplies the remembered longest time to the sinks by this


class StreamLane:
    """The channels of one stream before and after the shared stages, and a credit of a few frames.

    A frame is taken only if there is credit for it. So a stalled recorder stalls its own decoder
    and no other stream. One thread waits for any of the lanes, so they all share one condition,
    which guards `decoded` and the credit.

    A frame that rests takes no part in the shared stages. It goes to the tail at once, or waits
    for the frames before it that are under way.

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
        self._path: deque[Detected | None] = deque()  # None: under way; behind it, those that rest
        self._cancelled = False
        self._served_at = clock()
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

    @property
    def worth(self) -> float:
        """How urgent it is to take the next frame: 1 and more if it is due."""
        with self._changed:
            frame = self.decoded.first
            if frame is not None and frame.decision is not None:
                return frame.decision.worth
            return (self._clock() - self._served_at) / SERVED_SECONDS

    def enter(self, frame: Frame) -> None:
        """Take over a frame of a stream with attention; as `decoded.send` does, it may wait.

        Raises Cancelled, after discarding the frame.
        """
        with self._changed:
            if self.live:
                frame = self._in_place_of_waiting(frame)
            self._let_rests_pass()
            free = self._credit > 0 and not len(self.decoded) and not self._cancelled
            if frame.rests and free:
                self._rest(frame)
                return
        self.decoded.send(frame)

    def take(self) -> Frame | None:
        """Take a frame that will reach its sinks before it expires; None if there is none.

        Drops the frames that will not; those of a stream with attention rest. Uses one credit.
        """
        with self._changed:
            self._let_rests_pass(late=True)
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
            self._path.append(None)
            self._served_at = self._clock()
            self._taken_at.append(self._served_at)
            return frame

    def deliver(self, item: Detected) -> None:
        """Send a frame that comes out of the shared stages to the stream's own."""
        with self._changed:
            assert self._path.popleft() is None, "frames come back in the order of `take`"
            self._send(item)
            while self._path and (rest := self._path[0]) is not None:
                self._path.popleft()
                self._send(rest)
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
        with self._changed:
            self._cancelled = True
            resting = [item for item in self._path if item is not None]
            self._path = deque(item for item in self._path if item is None)
            for item in resting:
                self._send(item)  # the tail discards it

    @property
    def stats(self) -> ChannelStats:
        """The statistics of the tail."""
        return self.tail.stats

    def return_credit(self) -> None:
        """Note that a frame has reached the channels of its sinks, so that another can follow."""
        with self._changed:
            seconds = self._clock() - self._taken_at.popleft()
            self._to_sinks = max(seconds, self._to_sinks * DECAY)
            self._let_rests_pass()
            if self._credit == 1:
                self._changed.notify_all()

    @property
    def _credit(self) -> int:
        return self.tail.capacity - len(self._taken_at)

    def _in_place_of_waiting(self, frame: Frame) -> Frame:
        """Return `frame`, which is looked at in place of the one that still waits for the engine.

        That one rests. Without credit it stays where it is: the sinks are too slow for either.
        """
        waiting = self.decoded.first
        if waiting is None or self._credit <= 0 or waiting.decision is None:
            return frame
        self._rest(self.decoded.receive_nowait())
        if frame.rests and waiting.decision.looks:
            later = waiting.decision.later(float(frame.time - waiting.time))
            return replace(frame, decision=later)
        return frame

    def _let_rests_pass(self, *, late: bool = False) -> None:
        """Send the first frames on past the engine if they rest.

        late: also those that the engine could not return before they expire
        """
        while self._credit > 0 and (frame := self.decoded.first) is not None:
            postponed = late and frame.decision and not self._can_arrive_in_time(frame)
            if not (frame.rests or postponed):
                return
            self._rest(self.decoded.receive_nowait())

    def _rest(self, frame: Frame) -> None:
        """Send a frame to the tail, behind those before it. Uses one credit."""
        if not frame.rests:
            frame = replace(frame, decision=Decision(Reason.BUSY))
        self._taken_at.append(self._clock())
        item = Detected(frame, Detections.empty())
        if self._path and not self._cancelled:
            self._path.append(item)
        else:
            self._send(item)

    def _send(self, item: Detected) -> None:
        with suppress(Cancelled):  # this stream has ended; the others go on
            self.tail.send(item)

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
