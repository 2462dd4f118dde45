"""What waits for a viewer is bounded, begins with a keyframe, and has no gap inside a group."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.web.live.viewer import Message, Viewer


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    with closing(asyncio.new_event_loop()) as made:
        yield made


def fragment(number: int, keyframe: bool, size: int = 10) -> Message:
    return Message(bytes([number % 256]) * size, keyframe, needs_last=not keyframe)


def received(loop: asyncio.AbstractEventLoop, viewer: Viewer) -> list[bytes | str]:
    """Close the viewer, and return all that it would still be sent."""

    async def drain() -> list[bytes | str]:
        viewer.close()
        found = []
        while message := await viewer.next():
            found.append(message.data)
        return found

    return loop.run_until_complete(drain())


def test_a_viewer_begins_with_a_keyframe(loop: asyncio.AbstractEventLoop) -> None:
    viewer = Viewer(loop)
    messages = [fragment(0, False), fragment(1, True), fragment(2, False)]
    for message in messages:
        viewer.put(message)
    assert received(loop, viewer) == [message.data for message in messages[1:]]
    assert viewer.left_out == 1


def test_one_that_does_not_read_loses_what_waited_and_goes_on_at_a_keyframe(
    loop: asyncio.AbstractEventLoop,
) -> None:
    viewer = Viewer(loop, max_bytes=35)
    for number in range(4):
        viewer.put(fragment(number, keyframe=number == 0))
    viewer.put(Message("tracks"))  # of use without video
    viewer.put(fragment(9, True))
    assert received(loop, viewer) == ["tracks", bytes([9]) * 10]
    assert viewer.left_out == 4


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 40)), max_size=60), st.integers(20, 100))
def test_whatever_comes_no_fragment_follows_a_missing_one(
    loop: asyncio.AbstractEventLoop, sizes: list[tuple[bool, int]], limit: int
) -> None:
    viewer = Viewer(loop, max_bytes=limit)
    sent = [fragment(number, key, size) for number, (key, size) in enumerate(sizes)]
    for message in sent:
        viewer.put(message)
    found = received(loop, viewer)
    assert sum(map(len, found)) <= max(limit, max((len(each) for each in found), default=0))
    places = [int(data[0]) for data in found if isinstance(data, bytes)]
    for before, number in zip([-1, *places], places, strict=False):
        assert sent[number].keyframe or number == before + 1
    assert len(found) + viewer.left_out == len(sent)
