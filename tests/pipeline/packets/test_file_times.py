"""Times in a file: those of the camera, and the stream's time line where the camera has none."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from pipeline.packets.file_times import AudioTimes, VideoTimes
from pipeline.packets.packet import EncodedPacket

HERTZ = 90_000


def packet(pts: int | None, ticks: int, *, track: int = 0, duration: int = 0) -> EncodedPacket:
    return EncodedPacket(b"", track, pts, None, duration, True, ticks, 0.0, 0.0)


def video_times(packets: list[EncodedPacket], time_base: Fraction) -> list[int]:
    video = VideoTimes(packets[0], time_base)
    return [video.time(each) for each in packets]


def times_of(audio: AudioTimes, packets: list[EncodedPacket]) -> list[int | None]:
    found = [audio.times(each) for each in packets]
    return [each and each[0] for each in found]


def test_times_begin_at_zero_and_keep_the_cameras_differences() -> None:
    packets = [packet(pts, 500 + pts - 1000) for pts in (1000, 4601, 8199, 11800)]
    assert video_times(packets, Fraction(1, HERTZ)) == [0, 3601, 7199, 10800]


def test_differences_are_exact_in_units_that_ticks_cannot_express() -> None:
    base = Fraction(1, 12_800)
    pts = [7, 519, 1030, 1543]
    packets = [packet(each, round(each * base * HERTZ)) for each in pts]
    assert video_times(packets, base) == [0, 512, 1023, 1536]


def test_a_clock_that_jumps_goes_on_where_the_time_line_does() -> None:
    packets = [packet(0, 0), packet(3600, 3600), packet(9_000_000, 7200), packet(9_003_600, 10_800)]
    assert video_times(packets, Fraction(1, HERTZ)) == [0, 3600, 7200, 10_800]


def test_missing_times_are_those_of_the_time_line() -> None:
    packets = [packet(None, 100), packet(None, 3710), packet(7300, 7300), packet(None, 10_900)]
    assert video_times(packets, Fraction(1, HERTZ)) == [0, 3610, 7200, 10_800]


def test_audio_keeps_its_offset_to_the_video() -> None:
    start = packet(9000, 0)
    video = VideoTimes(start, Fraction(1, HERTZ))
    video.time(start)
    audio = AudioTimes(video, Fraction(1, 8000))
    sent = [packet(920 + 160 * k, 0, track=1, duration=160) for k in range(3)]
    assert times_of(audio, sent) == [120, 280, 440]  # 0.115 s - 0.1 s


def test_audio_with_a_clock_of_its_own_is_put_to_the_video_that_it_came_with() -> None:
    start = packet(0, 0)
    video = VideoTimes(start, Fraction(1, HERTZ))
    video.time(replace(start, ticks=HERTZ, pts=HERTZ))
    audio = AudioTimes(video, Fraction(1, 8000))
    far = 1_000_000
    sent = [packet(far + 160 * k, 0, track=1, duration=160) for k in range(3)]
    assert times_of(audio, sent) == [8000, 8160, 8320]


def test_audio_that_is_not_in_order_has_no_time() -> None:
    start = packet(0, 0)
    video = VideoTimes(start, Fraction(1, HERTZ))
    video.time(start)
    audio = AudioTimes(video, Fraction(1, 8000))
    sent = [packet(pts, 0, track=1, duration=160) for pts in (0, 160, 160, 320)]
    assert times_of(audio, sent) == [0, 160, None, 320]
    assert audio.times(packet(None, 0, track=1, duration=160)) == (480, 160)


def test_audio_without_a_duration_lasts_as_long_as_it_came_after_the_packet_before() -> None:
    start = packet(0, 0)
    audio = AudioTimes(VideoTimes(start, Fraction(1, HERTZ)), Fraction(1, 8000))
    sent = [packet(pts, 0, track=1) for pts in (0, 160, 321, None)]
    assert [audio.times(each) for each in sent] == [(0, 1), (160, 160), (321, 161), (482, 161)]
