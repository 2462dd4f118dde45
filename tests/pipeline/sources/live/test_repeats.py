"""Packets that an earlier connection has delivered, and those that only look like it."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.live.repeats import REMEMBERED, RepeatFilter

BASE = Fraction(1, 90_000)
WRAP = 2**33


def connected(repeats: RepeatFilter, *packets: tuple[int, bytes], finished: bool = False) -> str:
    """Return a letter for each packet of a new connection: new or repeated."""
    repeats.reconnected(BASE, finished=finished)
    return "".join("r" if repeats.is_repeated(pts, data) else "n" for pts, data in packets)


def test_what_is_sent_again_is_repeated_and_what_follows_is_new() -> None:
    repeats = RepeatFilter()
    assert connected(repeats, (1, b"a"), (2, b"b"), (3, b"c")) == "nnn"
    assert connected(repeats, (2, b"b"), (3, b"c"), (4, b"d"), (5, b"e")) == "rrnn"
    assert connected(repeats, (4 + WRAP, b"d"), (5 - WRAP, b"e"), (6, b"f")) == "rrn"


def test_old_times_with_other_bytes_are_those_of_a_restarted_encoder() -> None:
    repeats = RepeatFilter()
    assert connected(repeats, (1, b"a"), (2, b"b")) == "nn"
    assert connected(repeats, (1, b"x"), (2, b"y")) == "nn"


def test_a_clip_that_is_shown_again_on_purpose_is_new() -> None:
    repeats = RepeatFilter()
    assert connected(repeats, (1, b"a"), (2, b"b"), (1, b"a"), (2, b"b")) == "nnnn"
    assert connected(repeats, (2, b"b"), (3, b"c"), (1, b"a"), (2, b"b")) == "rnnn"


def test_a_recording_that_starts_from_its_beginning_goes_on_where_it_was() -> None:
    """More than what is remembered was shown before."""
    shown = [(k, b"%d" % k) for k in range(REMEMBERED + 100)]
    repeats = RepeatFilter()
    assert connected(repeats, *shown, finished=True) == "n" * len(shown)
    assert connected(repeats, *shown, (10**6, b"z"), finished=True) == "r" * len(shown) + "n"


@given(st.lists(st.lists(st.tuples(st.integers(0, 9), st.binary(max_size=1)))), st.booleans())
def test_no_connection_repeats_more_than_was_sent_before(
    connections: list[list[tuple[int, bytes]]], finished: bool
) -> None:
    repeats, sent = RepeatFilter(), 0
    for packets in connections:
        found = connected(repeats, *packets, finished=finished)
        if not finished:
            assert found.count("r") <= sent
        sent += len(packets)
