"""The inbox of the first shared stage: batches of the frames that are ready, in turn by stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from threading import Condition
from time import monotonic
from typing import TypeVar

from detector.errors import FramelaneError
from pipeline.frames.batch import Ready
from pipeline.frames.frame import Frame
from pipeline.runtime.channel import Cancelled
from pipeline.runtime.stats import ChannelStats
from pipeline.runtime.stream_lane import StreamLane

Lane = TypeVar("Lane")


def most_worth_first(lanes: Sequence[Lane], worths: Sequence[float]) -> list[Lane]:
    """Return the lanes by the worth of their next frame; of equal ones, the first is served first.

    Every worth grows with time, so each lane comes first at last.
    """
    order = sorted(range(len(lanes)), key=worths.__getitem__, reverse=True)
    return [lanes[place] for place in order]


class RoundRobinInbox:
    """The frames of all lanes in turn, the most urgent first; a batch waits for no frame.

    If a lane is live, no more batches are under way than the engine can hold. A frame that would
    wait for the engine then waits in its lane, where a younger one can replace it.

    changed: the condition that all lanes share
    stats: of this inbox; `queued` is the distribution that the lanes' `decoded` channels share
    max_batch: frames per batch
    slots: returns how many batches the engine can hold
    more: wait for further lanes when all have ended, until `no_more`
    """

    def __init__(
        self, max_batch: int, changed: Condition, *, slots: Callable[[], int], more: bool = False
    ) -> None:
        self.stats = ChannelStats()
        self._lanes: list[StreamLane] = []
        self._max_batch = max_batch
        self._slots = slots
        self._changed = changed
        self._cancelled = False
        self._more = more
        self._ended = False

    def __len__(self) -> int:
        """How many lanes it serves."""
        return len(self._lanes)

    def add(self, lane: StreamLane) -> None:
        """Serve another lane. Raises FramelaneError if the inbox has ended."""
        with self._changed:
            if self._ended:
                raise FramelaneError("the run is ending: no stream can be added")
            self._lanes.append(lane)
            self._changed.notify_all()

    def forget(self, lane: StreamLane) -> None:
        """Remove a lane that has ended, once none of its frames is in the shared stages."""
        with self._changed:
            self._changed.wait_for(lambda: not lane.under_way or self._cancelled)
            self._lanes.remove(lane)

    def no_more(self) -> None:
        """End when the present lanes have ended."""
        with self._changed:
            self._more = False
            self._changed.notify_all()

    def __iter__(self) -> Iterator[Ready]:
        """Yield 1 to `max_batch` frames at a time until every lane has ended."""
        while frames := self._receive():
            yield Ready(tuple(frames))

    def cancel(self) -> None:
        """Wake the receiver and every sender with Cancelled."""
        with self._changed:
            self._cancelled = True
            lanes = list(self._lanes)
            self._changed.notify_all()
        for lane in lanes:
            lane.decoded.cancel()

    def _receive(self) -> list[Frame]:
        called_at = monotonic()
        with self._changed:
            while not (frames := self._take_ready()):
                if self._at_end:
                    self._ended = True
                    break
                self._changed.wait_for(self._has_news)
                if self._cancelled:
                    raise Cancelled("batches")
        self.stats.received_after(monotonic() - called_at)
        return frames

    @property
    def _at_end(self) -> bool:
        return not self._more and all(lane.ended for lane in self._lanes)

    def _has_news(self) -> bool:
        ready = self._room > 0 and any(lane.ready for lane in self._lanes)
        return ready or self._cancelled or self._at_end

    @property
    def _room(self) -> int:
        """How many frames may be taken now."""
        if not any(lane.live for lane in self._lanes):
            return self._max_batch
        under_way = sum(lane.under_way for lane in self._lanes)
        return min(self._max_batch, self._slots() * self._max_batch - under_way)

    def _take_ready(self) -> list[Frame]:
        """Take one frame of each lane per round, that of most worth first."""
        frames: list[Frame] = []
        lanes = most_worth_first(self._lanes, [lane.worth for lane in self._lanes])
        room = self._room
        while lanes and len(frames) < room:
            lane = lanes.pop(0)
            if (frame := lane.take()) is not None:
                frames.append(frame)
                lanes.append(lane)
                self._lanes.remove(lane)
                self._lanes.append(lane)
        return frames
