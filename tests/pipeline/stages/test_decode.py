"""Frame numbers, repaired times, and the effect of stride, max_frames and realtime."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import inf
from threading import Event, Thread
from time import monotonic

import numpy as np
import pytest

from pipeline.frames.frame import Frame
from pipeline.frames.picture import Picture
from pipeline.frames.stream import Stream
from pipeline.runtime.ledger import Ledger
from pipeline.sources import Decoded, Skipped, Source
from pipeline.stages.decode import Decode

PICTURE = Picture.of(np.zeros((2, 2, 3), np.uint8))
BASE = Fraction(1, 1000)


class Reel(Source):
    """A source with these frame times, which counts the frames it delivers."""

    def __init__(self, *times: int | None, stops: bool = True) -> None:
        self.times = times
        self.stops = stops
        self.stream = Stream("reel", "reel", Fraction(1, 25))
        self.delivered = 0
        self.all_delivered = Event()
        self.closed = False

    def open(self) -> Stream:
        return self.stream

    def __iter__(self) -> Iterator[Decoded]:
        for pts in self.times:
            if self.stops and self.stream.cut.is_set():
                return
            self.delivered += 1
            if self.delivered == len(self.times):
                self.all_delivered.set()
            yield Decoded(pts, BASE, 5.0, PICTURE)

    def stop(self) -> None:
        self.stream.cut.set()

    def close(self) -> None:
        self.closed = True


def run(source: Reel, decode: Decode) -> list[Frame]:
    decode.open()
    frames = [frame for item in source for frame in decode.process(item)]
    decode.close()
    return frames


def test_frames_are_numbered_and_have_the_times_of_the_source() -> None:
    source, ledger = Reel(500, 533, 600), Ledger()
    frames = run(source, Decode(source, ledger))
    assert [(f.index, f.pts, f.ticks, f.time_base) for f in frames] == [
        (0, 500, 500, BASE),
        (1, 533, 533, BASE),
        (2, 600, 600, BASE),
    ]
    assert {(f.stream, f.captured_at) for f in frames} == {(source.stream, 5.0)}
    assert ledger.balances["reel"].decoded == 3
    assert source.closed


def test_a_repaired_time_is_counted_and_the_original_stays() -> None:
    source = Reel(0, 40, 40, None)
    decode = Decode(source, Ledger())
    frames = run(source, decode)
    assert [f.pts for f in frames] == [0, 40, 40, None]
    assert [f.ticks for f in frames] == [0, 40, 41, 81]
    assert decode.repaired == 2


def test_stride_uses_every_kth_frame_with_its_number_and_counts_the_others() -> None:
    source, ledger = Reel(*range(0, 400, 40)), Ledger()
    frames = run(source, Decode(source, ledger, stride=3))
    assert [(f.index, f.ticks) for f in frames] == [(0, 0), (3, 120), (6, 240), (9, 360)]
    balance = ledger.balances["reel"]
    assert (balance.decoded, balance.dropped) == (10, {("decode", "stride"): 6})


def test_max_frames_counts_used_frames_then_stops_and_cuts_the_source() -> None:
    source, ledger = Reel(*range(0, 4000, 40)), Ledger()
    frames = run(source, Decode(source, ledger, stride=2, max_frames=3))
    assert [f.index for f in frames] == [0, 2, 4]
    assert source.delivered == 5 and source.stream.cut.is_set()
    assert ledger.balances["reel"].dropped == {("decode", "stride"): 2}


def test_frames_that_arrive_after_max_frames_are_dropped_and_counted() -> None:
    source, ledger = Reel(0, 40, 80, 120, stops=False), Ledger()
    assert len(run(source, Decode(source, ledger, max_frames=2))) == 2
    assert ledger.balances["reel"].dropped == {("decode", "max_frames"): 2}


def test_realtime_captures_each_frame_when_it_is_due() -> None:
    source = Reel(7000, 7010, 7030, 7060)
    began_at = monotonic()
    frames = run(source, Decode(source, Ledger(), realtime=True))
    passed = [f.captured_at - frames[0].captured_at for f in frames]
    assert passed == pytest.approx([0, 0.010, 0.030, 0.060], abs=1e-6)
    assert monotonic() - began_at >= 0.060


def test_realtime_plays_a_recording_more_slowly_that_is_read_too_slowly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    decode = Decode(Reel(), Ledger(), realtime=True)
    decode.open()
    captured, late = [], 0.0
    monkeypatch.setattr("pipeline.stages.decode.monotonic", lambda: monotonic() + late)
    for number in range(4):
        late = 0.3 * number if number < 2 else 60.0
        (frame,) = decode.process(Decoded(number * 40, BASE, 5.0, PICTURE))
        captured.append(frame.captured_at)
    assert captured[1] - captured[0] == pytest.approx(0.040)  # it may still catch up
    assert captured[2] - captured[0] > 59
    assert captured[3] - captured[2] == pytest.approx(0.040)


def test_realtime_does_not_wait_for_frames_that_stride_drops() -> None:
    source = Reel(0, 3_600_000, 3_600_000 * 2)
    assert len(run(source, Decode(source, Ledger(), stride=3, realtime=True))) == 1


def test_a_stop_ends_the_wait_for_a_frame_that_is_due_in_an_hour() -> None:
    source = Reel(0, 3_600_000)
    decode = Decode(source, Ledger(), realtime=True)
    frames: list[Frame] = []
    thread = Thread(target=lambda: frames.extend(run(source, decode)))
    thread.start()
    assert source.all_delivered.wait(10)
    source.stop()
    thread.join(10)
    assert not thread.is_alive() and len(frames) == 2
    assert all(frame.captured_at <= monotonic() for frame in frames)


def test_a_picture_that_is_not_decoded_uses_up_a_number_and_is_counted() -> None:
    source, ledger = Reel(0), Ledger()
    decode = Decode(source, ledger)
    decode.open()
    items: list[Decoded | Skipped]
    items = [Decoded(0, BASE, 5.0, PICTURE), Skipped("late"), Decoded(80, BASE, 5.0, PICTURE)]
    frames = [frame for item in items for frame in decode.process(item)]
    assert [frame.index for frame in frames] == [0, 2]
    assert ledger.balances["reel"].skipped == {("decode", "late"): 1}


def test_in_real_time_a_frame_expires_after_max_age() -> None:
    frames = run(Reel(0, 10), Decode(Reel(), Ledger(), realtime=True, max_age=0.25))
    assert [f.expires_at - f.captured_at for f in frames] == pytest.approx([0.25, 0.25])
    assert run(Reel(0), Decode(Reel(), Ledger()))[0].expires_at == inf
