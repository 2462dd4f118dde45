"""What travels: the image is made once and is read-only, and no item hides its frames."""

from __future__ import annotations

from fractions import Fraction
from threading import Barrier, Thread

import numpy as np
import pytest

from detector.candidates import Candidates
from detector.detections import Detections, UInt8Array
from detector.letterbox import Letterbox
from pipeline.frame import (
    Batch,
    Detected,
    Frame,
    Inferred,
    InFlight,
    Item,
    NotWritten,
    Picture,
    Ready,
    Stream,
    Ticket,
    Tracked,
    Unnumbered,
    tickets_of,
)
from trackers.tracks import Tracks

STREAM = Stream("cam", "cam", Fraction(1, 25))
BGR = np.zeros((4, 6, 3), np.uint8)


class NoEngine:
    """A result that does not come: for items that are only looked at."""

    def result(self) -> Candidates:
        raise NotImplementedError


def frame(index: int, ticks: int = 0, time_base: Fraction = Fraction(1, 25)) -> Frame:
    return Frame(STREAM, index, None, ticks, time_base, float(index), Picture.of(BGR.copy()))


def test_an_image_is_converted_once_whichever_threads_ask() -> None:
    made: list[UInt8Array] = []
    together = Barrier(4)

    def convert() -> UInt8Array:
        made.append(BGR.copy())
        return made[-1]

    picture = Picture(6, 4, convert)
    assert made == []  # not before anyone asks
    seen: list[UInt8Array] = []

    def ask() -> None:
        together.wait(timeout=60)
        seen.append(picture.bgr)

    threads = [Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1 and all(each is made[0] for each in seen) and len(seen) == 4


def test_an_image_is_read_only() -> None:
    with pytest.raises(ValueError, match="read-only"):
        Picture.of(BGR.copy()).bgr[0, 0] = 255


def test_the_time_of_a_frame_is_exact() -> None:
    assert frame(0, ticks=3, time_base=Fraction(1001, 30000)).time == Fraction(1001, 10000)


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


@pytest.mark.parametrize("size", [(432, 768), (1080, 1920), (359, 479), (4, 6)])
def test_small_luma_is_the_mean_of_the_pixels_of_each_cell(size: tuple[int, int]) -> None:
    down, across = (np.arange(length) * 2 * np.pi / 60 for length in size)
    grey = (128 + 60 * np.outer(np.sin(down), np.cos(across))).astype(np.uint8)
    picture = Picture.of(np.dstack([grey] * 3))
    small = picture.luma(72)
    side = max(1, grey.shape[0] // 72)
    height, width = grey.shape[0] // side, grey.shape[1] // side
    cells = grey[: height * side, : width * side].reshape(height, side, width, side)
    assert small.shape == (height, width)
    assert abs(small - cells.mean(axis=(1, 3))).max() <= 2
