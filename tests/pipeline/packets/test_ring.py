"""Rings keep whole groups of pictures, for as long as is wanted and within their bytes."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from pipeline.packets.packet import HERTZ, EncodedPacket, PacketFormat
from pipeline.packets.ring import TOO_LARGE, Kept, Ring
from pipeline.packets.tap import ConnectionEnded, Tap

FORMAT = PacketFormat((), b"")
FPS = 10


def packet(frame: int, *, keyframe: bool = False, size: int = 10, track: int = 0) -> EncodedPacket:
    ticks = frame * HERTZ // FPS
    return EncodedPacket(bytes(size), track, frame, None, 1, keyframe, ticks, 0.0, 0.0)


def filled(seconds: float, gop: int, frames: int, max_bytes: int = 1 << 20) -> Ring:
    ring = Ring("clips", seconds, max_bytes)
    ring.put(FORMAT)
    for frame in range(frames):
        ring.put(packet(frame, keyframe=frame % gop == 0))
    return ring


def frames_of(found: Iterable[Kept]) -> list[int | None]:
    return [each.packet.pts for each in found]


def all_of(ring: Ring) -> list[int | None]:
    reader = ring.read_from(-1)
    found, _ = reader.read(10_000)
    reader.close()
    return frames_of(found)


def ticks(frame: int) -> int:
    return frame * HERTZ // FPS


def test_a_reader_begins_at_the_keyframe_at_or_before_a_moment() -> None:
    ring = filled(10, gop=20, frames=75)
    assert frames_of(ring.read_from(ticks(59)).read(1000)[0])[0] == 40
    assert frames_of(ring.read_from(ticks(60)).read(1000)[0])[0] == 60
    assert ring.read_from(ticks(59)).cut is None


def test_the_group_that_holds_the_oldest_wanted_moment_is_kept_and_none_before_it() -> None:
    ring = filled(5, gop=100, frames=249)  # a keyframe every 10 s; 5 s ago was frame 198
    assert frames_of(ring.read_from(0).read(1000)[0]) == list(range(100, 249))
    ring = filled(5, gop=100, frames=251)  # 5 s ago was frame 200, a keyframe
    assert frames_of(ring.read_from(0).read(1000)[0]) == list(range(200, 251))


def test_a_moment_that_is_gone_is_said_to_be_so() -> None:
    reader = filled(5, gop=10, frames=200).read_from(ticks(20))
    assert reader.cut == "it was noted too late"
    reader = filled(10, gop=10, frames=200, max_bytes=250).read_from(ticks(120))
    assert reader.cut == "the ring holds 0.000238 MiB"
    assert frames_of(reader.read(1000)[0]) == list(range(180, 200))


def test_a_stream_that_began_later_is_not_cut() -> None:
    assert filled(10, gop=10, frames=20).read_from(-HERTZ).cut is None


def test_what_a_reader_has_not_read_stays_within_the_limit_of_bytes() -> None:
    ring = filled(1, gop=5, frames=15)
    reader = ring.read_from(ticks(12))
    for frame in range(15, 60):
        ring.put(packet(frame, keyframe=frame % 5 == 0))
    found, more = reader.read(1000)
    assert frames_of(found) == list(range(10, 60))
    assert more
    reader.close()
    ring.put(packet(60, keyframe=True))
    assert ring.seconds == 1.0

    small = filled(1, gop=5, frames=15, max_bytes=300)
    slow = small.read_from(ticks(12))
    for frame in range(15, 60):
        small.put(packet(frame, keyframe=frame % 5 == 0))
    assert frames_of(slow.read(1000)[0]) == list(range(30, 60))
    assert slow.lost == 20


def test_a_reader_reads_on_where_it_was_and_knows_the_end() -> None:
    ring = filled(10, gop=10, frames=25)
    reader = ring.read_from(ticks(10))
    assert frames_of(reader.read(7)[0]) == list(range(10, 17))
    assert frames_of(reader.read(7)[0]) == list(range(17, 24))
    assert reader.read(7) == ([Kept(FORMAT, each.packet) for each in reader_rest(ring)], True)
    ring.put(packet(25))
    ring.close()
    ring.put(packet(26))
    found, more = reader.read(7)
    assert frames_of(found) == [25]
    assert not more


def reader_rest(ring: Ring) -> list[Kept]:
    return ring.read_from(ticks(24)).read(1000)[0][-1:]


def test_connections_follow_each_other_each_with_its_format_from_a_keyframe_on() -> None:
    ring = filled(10, gop=10, frames=15)
    other = PacketFormat((), b"other")
    ring.put(ConnectionEnded())
    ring.put(packet(30, keyframe=True))  # of no connection
    ring.put(other)
    ring.put(packet(31))
    ring.put(packet(32, keyframe=True))
    ring.put(packet(32, keyframe=True, track=1))
    found, _ = ring.read_from(0).read(1000)
    assert frames_of(found) == [*range(15), 32, 32]
    assert [each.format for each in found] == [FORMAT] * 15 + [other] * 2
    assert ring.left_out.total() == 2


def test_a_group_larger_than_the_ring_is_left_out_and_counted() -> None:
    ring = filled(10, gop=20, frames=40, max_bytes=105)
    assert ring.bytes == 0
    assert ring.left_out == {TOO_LARGE: 40}
    ring.put(packet(40, keyframe=True))
    assert frames_of(ring.read_from(0).read(9)[0]) == [40]


def test_a_tap_fills_a_ring_that_comes_late() -> None:
    tap = Tap()
    tap.connected(FORMAT)
    ring = Ring("clips", 5)
    tap.attach(ring)
    tap.put(packet(0))
    tap.put(packet(1, keyframe=True))
    tap.close()
    reader = ring.read_from(0)
    assert frames_of(reader.read(9)[0]) == [1]
    assert tap.queues == [ring]
    assert ring.accepted == 1


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(1, 40)), min_size=1, max_size=30),
    st.integers(0, 40),
    st.integers(20, 800),
)
def test_a_ring_is_what_a_slow_search_through_all_groups_finds(
    groups: list[tuple[int, int]], kept_frames: int, max_bytes: int
) -> None:
    ring = Ring("any", kept_frames / FPS, max_bytes)
    ring.put(FORMAT)
    sent: list[list[EncodedPacket]] = []
    frame = 0
    for length, size in groups:
        sent.append([])
        for place in range(length):
            each = packet(frame, keyframe=place == 0, size=size)
            sent[-1].append(each)
            ring.put(each)
            frame += 1
        assert all_of(ring) in [
            [each.pts for group in sent[begin:] for each in group] for begin in range(len(sent) + 1)
        ]
    assert ring.bytes <= max_bytes
    wanted = frame - 1 - kept_frames
    begin = max((k for k, group in enumerate(sent) if (group[0].pts or 0) <= wanted), default=0)
    expected = [each for group in sent[begin:] for each in group]
    if sum(len(each.data) for each in expected) <= max_bytes:
        assert all_of(ring) == [each.pts for each in expected]
