"""No item hides the frames in it, and the time of a frame is exact."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from detector.candidates import Candidates
from detector.detections import Detections
from detector.letterbox import Letterbox
from pipeline.frames.batch import Batch, Inferred, InFlight, Ready
from pipeline.frames.fate import NotWritten, Ticket
from pipeline.frames.frame import Frame, Unnumbered
from pipeline.frames.item import Item, tickets_of
from pipeline.frames.picture import Picture
from pipeline.frames.result import Detected, Tracked
from pipeline.frames.stream import Stream
from trackers.tracks import Tracks

STREAM = Stream("cam", "cam", Fraction(1, 25))
BGR = np.zeros((4, 6, 3), np.uint8)


class NoEngine:
    """A result that does not come: for items that are only looked at."""

    def result(self) -> Candidates:
        raise NotImplementedError


def frame(index: int, ticks: int = 0, time_base: Fraction = Fraction(1, 25)) -> Frame:
    return Frame(STREAM, index, None, ticks, time_base, float(index), Picture.of(BGR.copy()))


FRAMES = (frame(3), frame(5))
BATCH = Batch(FRAMES, (Letterbox.fit((4, 6), (32, 32)),) * 2, np.zeros((2, 32, 32, 3), np.uint8))
NOTHING = Candidates(np.zeros((2, 1, 4), np.float32), np.zeros((2, 1, 1), np.float32))
ITEMS: dict[str, tuple[Item, list[int]]] = {  # an item and the indices of the frames in it
    "not a frame yet": (Unnumbered(), []),
    "ticket": (Ticket("cam", 3, 3.0), [3]),
    "frame": (FRAMES[0], [3]),
    "not written": (NotWritten(FRAMES[1].ticket, "no room"), [5]),
    "ready": (Ready(FRAMES), [3, 5]),
    "batch": (BATCH, [3, 5]),
    "in flight": (InFlight(BATCH, NoEngine()), [3, 5]),
    "inferred": (Inferred(BATCH, NOTHING), [3, 5]),
    "detected": (Detected(FRAMES[0], Detections.empty()), [3]),
    "tracked": (Tracked(FRAMES[1], Tracks.untracked(Detections.empty())), [5]),
}


@pytest.mark.parametrize("name", ITEMS)
def test_the_tickets_of_an_item_are_those_of_all_frames_in_it(name: str) -> None:
    item, indices = ITEMS[name]
    assert tickets_of(item) == tuple(Ticket("cam", index, float(index)) for index in indices)


def test_the_time_of_a_frame_is_exact() -> None:
    assert frame(0, ticks=3, time_base=Fraction(1001, 30000)).time == Fraction(1001, 10000)
