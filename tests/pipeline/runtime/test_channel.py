"""The laws of a channel: order, capacity, conservation, and waking the waiting thread."""

from __future__ import annotations

from threading import Condition, Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.runtime.channel import Cancelled, Channel, EndOfStream, Overflow, UpstreamFailed
from pipeline.runtime.stats import Histogram

CAP = 20  # seconds: the longest wait for another thread


def in_thread(work: object, *arguments: object) -> tuple[Thread, list[object]]:
    """Start `work` on a thread; the list gets its result or exception."""
    outcome: list[object] = []

    def run() -> None:
        try:
            outcome.append(work(*arguments))  # type: ignore[operator]
        except Exception as error:
            outcome.append(error)

    thread = Thread(target=run)
    thread.start()
    return thread, outcome


@given(
    items=st.lists(st.integers(), max_size=60),
    capacity=st.integers(1, 5),
)
@settings(max_examples=40, deadline=None)
def test_a_blocking_channel_delivers_everything_in_order(items: list[int], capacity: int) -> None:
    channel: Channel[int] = Channel("numbers", capacity)
    deepest = []

    def produce() -> None:
        for item in items:
            channel.send(item)
            deepest.append(len(channel))
        channel.close()

    thread, _ = in_thread(produce)
    received = list(channel)
    thread.join(CAP)
    assert received == items
    assert all(depth <= capacity for depth in deepest)


@given(
    script=st.lists(st.sampled_from(["send", "receive"]), max_size=80),
    capacity=st.integers(1, 4),
)
def test_a_full_live_channel_drops_the_oldest_item_and_reports_it(
    script: list[str], capacity: int
) -> None:
    dropped: list[int] = []
    channel: Channel[int] = Channel("live", capacity, Overflow.DROP_OLDEST, on_drop=dropped.append)
    sent, received, model = 0, [], []
    model_dropped = []
    for step in script:
        if step == "send":
            channel.send(sent)
            model.append(sent)
            sent += 1
            if len(model) > capacity:
                model_dropped.append(model.pop(0))
        elif model:
            received.append(channel.receive())
            assert received[-1] == model.pop(0)
    assert dropped == model_dropped
    assert channel.stats.dropped == len(dropped)
    assert sorted(received + dropped + model) == list(range(sent))


@given(st.lists(st.integers(), min_size=1, max_size=5), st.integers(0, 5))
def test_cancel_discards_every_item_once(items: list[int], taken: int) -> None:
    discarded: list[int] = []
    channel: Channel[int] = Channel("numbers", 5, on_discard=discarded.append)
    for item in items:
        channel.send(item)
    received = [channel.receive() for _ in items[:taken]]
    channel.cancel()
    channel.cancel()
    assert received + discarded == items
    with pytest.raises(Cancelled):
        channel.receive()


def test_cancel_wakes_a_sender_that_waits_for_room_and_discards_its_item() -> None:
    discarded: list[int] = []
    channel: Channel[int] = Channel("full", 1, on_discard=discarded.append)
    channel.send(1)
    thread, outcome = in_thread(channel.send, 2)
    channel.cancel()
    thread.join(CAP)
    assert isinstance(outcome[0], Cancelled)
    assert sorted(discarded) == [1, 2]


def test_cancel_wakes_a_receiver_that_waits_for_an_item() -> None:
    channel: Channel[int] = Channel("empty", 1)
    thread, outcome = in_thread(channel.receive)
    channel.cancel()
    thread.join(CAP)
    assert isinstance(outcome[0], Cancelled)


def test_close_wakes_a_receiver_with_the_end() -> None:
    channel: Channel[int] = Channel("empty", 1)
    thread, outcome = in_thread(channel.receive)
    channel.close()
    thread.join(CAP)
    assert isinstance(outcome[0], EndOfStream)


def test_items_sent_before_a_failure_are_received_before_the_failure() -> None:
    channel: Channel[int] = Channel("broken", 3)
    channel.send(1)
    cause = OSError("disk on fire")
    channel.close(cause)
    received: list[int] = []
    with pytest.raises(UpstreamFailed) as caught:
        received.extend(channel)
    assert caught.value.__cause__ is cause
    assert channel.stats.sent == 1


def test_expired_items_are_dropped_from_the_front_and_reported() -> None:
    expired: list[int] = []
    channel: Channel[int] = Channel("aged", 5, on_expire=expired.append)
    for item in (1, 2, 9, 3):
        channel.send(item)
    channel.expire(lambda item: item > 5)
    assert (expired, channel.stats.dropped) == ([1, 2], 2)
    assert [channel.receive(), channel.receive()] == [9, 3]


def test_one_thread_can_wait_for_several_channels_that_share_a_condition() -> None:
    changed = Condition()
    channels: list[Channel[int]] = [Channel(str(k), 1, changed=changed) for k in range(3)]

    def take_any() -> int:
        with changed:
            changed.wait_for(lambda: any(channel.ready for channel in channels))
            return next(channel for channel in channels if channel.ready).receive_nowait()

    thread, outcome = in_thread(take_any)
    channels[2].send(7)
    thread.join(CAP)
    assert outcome == [7]


def test_receiving_without_waiting_from_a_channel_that_is_not_ready_is_a_bug() -> None:
    channel: Channel[int] = Channel("empty", 1)
    with pytest.raises(AssertionError, match="ask `ready` first"):
        channel.receive_nowait()
    channel.close()
    with pytest.raises(EndOfStream):
        channel.receive_nowait()


def test_channels_can_share_one_distribution_of_waiting_times() -> None:
    changed, queued = Condition(), Histogram()
    channels: list[Channel[int]] = [
        Channel(str(k), 1, changed=changed, queued=queued) for k in range(3)
    ]
    for channel in channels:
        channel.send(1)
        channel.receive()
    assert queued.count == 3
