"""Taps and their queues: nothing waits, and a full queue leaves out whole groups of pictures."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from threading import Thread

from hypothesis import given
from hypothesis import strategies as st

from pipeline.packets.packet import EncodedPacket, PacketFormat
from pipeline.packets.tap import NO_KEYFRAME, OVERFLOW, ConnectionEnded, PacketQueue, Tap, Tapped
from tests.support.cameras import CAP

FORMAT = PacketFormat((), b"")


def packet(number: int, *, keyframe: bool = False, size: int = 10, track: int = 0) -> EncodedPacket:
    return EncodedPacket(bytes(size), track, number, None, 1, keyframe, number, 0.0, 0.0)


def group(first: int, length: int) -> list[EncodedPacket]:
    """Return a group of pictures of 10 bytes each."""
    return [packet(first + k, keyframe=k == 0) for k in range(length)]


def numbers(items: Iterable[Tapped]) -> list[int]:
    return [item.ticks for item in items if isinstance(item, EncodedPacket)]


def test_a_subscriber_that_comes_late_begins_with_the_format_and_the_next_keyframe() -> None:
    tap = Tap()
    tap.connected(FORMAT)
    for each in group(0, 3):
        tap.put(each)
    queue = tap.subscribe("late", 1000)
    for each in [packet(3), packet(4), *group(5, 2)]:
        tap.put(each)
    tap.close()
    items = list(queue)
    assert items[0] is FORMAT
    assert numbers(items) == [5, 6]
    assert queue.left_out == {NO_KEYFRAME: 2}


def test_a_subscriber_that_comes_late_begins_with_the_group_that_is_kept() -> None:
    tap = Tap()
    tap.keep_group(45)
    assert tap.wanted
    tap.connected(FORMAT)
    for each in [packet(0), *group(1, 2), *group(3, 2), packet(5, track=1, keyframe=True)]:
        tap.put(each)
    queue = tap.subscribe("late", 1000)
    reading = iter(queue)
    assert numbers(next(reading) for _ in range(4)) == [3, 4, 5]
    for each in [packet(6), packet(7)]:
        tap.put(each)
    too_large = tap.subscribe("later", 1000)
    for each in group(8, 2):
        tap.put(each)
    tap.connected(FORMAT)
    of_another_connection = tap.subscribe("last", 1000)
    tap.close()
    assert numbers(reading) == [6, 7, 8, 9]
    assert numbers(too_large) == [8, 9]
    assert numbers(of_another_connection) == []


def test_a_full_queue_leaves_out_packets_up_to_a_keyframe_that_fits_and_counts_them() -> None:
    queue = PacketQueue("slow", 45)
    for each in [*group(0, 3), *group(3, 3)]:
        queue.put(each)  # the fifth does not fit
    assert queue.left_out == {OVERFLOW: 2}
    reading = iter(queue)
    assert numbers([next(reading) for _ in range(4)]) == [0, 1, 2, 3]
    for each in [packet(6), *group(7, 2)]:
        queue.put(each)
    queue.close()
    assert numbers(reading) == [7, 8]
    assert queue.left_out == {OVERFLOW: 3}
    assert queue.accepted == 6


@given(
    st.lists(st.integers(1, 6), min_size=1, max_size=12),
    st.integers(20, 90),
    st.lists(st.booleans(), min_size=80, max_size=80),
)
def test_what_a_queue_accepts_decodes_whenever_its_reader_reads(
    lengths: list[int], max_bytes: int, reads: list[bool]
) -> None:
    queue = PacketQueue("any", max_bytes)
    reading = iter(queue)
    received: list[Tapped] = []
    waiting = count = sent = 0
    for number, length in enumerate(lengths):
        for place in range(length):
            queue.put(packet(100 * number + place, keyframe=place == 0))
            sent += 1
            waiting += queue.accepted - count
            count = queue.accepted
            if waiting and reads[sent]:
                received.append(next(reading))
                waiting -= 1
            assert waiting * 10 <= max_bytes
    queue.close()
    received += reading
    for number, each in groupby(numbers(received), lambda ticks: ticks // 100):
        places = [ticks - 100 * number for ticks in each]
        assert places == list(range(len(places))), "each group is there from its keyframe on"
    assert queue.accepted + queue.left_out.total() == sent


def test_the_packets_of_a_new_connection_wait_for_its_keyframe() -> None:
    tap = Tap()
    queue = tap.subscribe("record", 1000)
    tap.connected(FORMAT)
    tap.put(packet(0, keyframe=True))
    tap.disconnected()
    tap.put(packet(1))
    tap.connected(FORMAT)
    tap.put(packet(2))
    tap.put(packet(3, keyframe=True))
    tap.close()
    assert numbers(queue) == [0, 3]
    assert queue.left_out == {NO_KEYFRAME: 2}


def test_connections_without_packets_do_not_fill_a_stalled_queue() -> None:
    tap = Tap()
    queue = tap.subscribe("stalled", 1000)
    tap.connected(FORMAT)
    tap.put(packet(0, keyframe=True))
    for _ in range(1000):
        tap.disconnected()
        tap.connected(FORMAT)
    tap.put(packet(1, keyframe=True))
    tap.close()
    kinds = [type(item) for item in queue]
    assert kinds == [PacketFormat, EncodedPacket, ConnectionEnded, PacketFormat, EncodedPacket]


def test_audio_does_not_begin_before_the_video() -> None:
    queue = PacketQueue("record", 1000)
    for each in (packet(0, keyframe=True, track=1), packet(1, keyframe=True), packet(2, track=1)):
        queue.put(each)
    queue.close()
    assert numbers(queue) == [1, 2]


def test_a_reader_that_waits_ends_when_it_is_unsubscribed() -> None:
    tap = Tap()
    queue = tap.subscribe("viewer", 1000)
    reader = Thread(target=list, args=(queue,))
    reader.start()
    tap.unsubscribe(queue)
    reader.join(CAP)
    assert not reader.is_alive()
    assert not tap.wanted


def test_a_cancelled_queue_takes_nothing_more() -> None:
    queue = PacketQueue("failed", 1000)
    queue.put(packet(0, keyframe=True))
    queue.cancel()
    queue.put(packet(1, keyframe=True))
    assert list(queue) == []
