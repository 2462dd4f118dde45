"""Audio follows the clocks that the frames beside it had."""

from __future__ import annotations

from fractions import Fraction

from pipeline.frames.stream import Epoch
from pipeline.sinks.audio_clock import AudioClock

WRAP = Fraction(2**33, 90_000)


def seconds(*values: float) -> list[Fraction]:
    return [Fraction(value) for value in values]


def shifts(clock: AudioClock, *times: float) -> list[Fraction | None]:
    return [clock.shift(Fraction(time)) for time in times]


def test_without_clocks_nothing_is_moved() -> None:
    assert shifts(AudioClock([]), 0, 0.5, 9) == seconds(0, 0, 0)


def test_audio_is_moved_as_far_as_the_frames() -> None:
    assert shifts(AudioClock([Epoch(Fraction(-2), Fraction(2))]), -2.5, -2) == seconds(2, 2)


def test_audio_waits_for_the_frames_whose_clock_it_has() -> None:
    epochs = [Epoch(Fraction(100), Fraction(0))]
    clock = AudioClock(epochs)
    assert shifts(clock, 100, 101, 102, 5.25) == [*seconds(0, 0, 0), None]
    epochs.append(Epoch(Fraction(5), Fraction(97)))
    assert shifts(clock, 5.25, 6) == seconds(97, 97)


def test_a_gap_is_none_of_a_restarted_clock_unless_ffmpeg_made_it() -> None:
    clock = AudioClock([Epoch(Fraction(0), Fraction(0))])
    assert shifts(clock, 0, 50, 51) == seconds(0, 0, 0)
    assert clock.shift(WRAP + 5) is None


def test_audio_that_skips_a_clock_finds_the_one_after_it() -> None:
    epochs = [
        Epoch(Fraction(start), Fraction(shift)) for start, shift in ((90, 0), (50, 45), (5, 99))
    ]
    assert shifts(AudioClock(epochs), 90, 91, 5.5) == seconds(0, 0, 99)


def test_a_clock_that_no_frame_has_goes_on_where_the_audio_ended() -> None:
    clock = AudioClock([Epoch(Fraction(0), Fraction(0))])
    assert shifts(clock, 9, 10, 2) == [*seconds(0, 0), None]
    assert clock.restart(Fraction(2), Fraction(11)) == 9
    assert shifts(clock, 2.5) == seconds(9)
