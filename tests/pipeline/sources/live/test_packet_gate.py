"""What is decoded of a live stream: none is left out that another needs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.live.packet_gate import LATE, NO_KEY, Gate, Skip

MAX_AGE = 0.5


def decoded(gate: Gate, pictures: list[tuple[bool, float]]) -> list[bool]:
    """Return which of the pictures (key, late) are let in, one every 40 ms."""
    return [gate.refuses(key, late, k / 25) is None for k, (key, late) in enumerate(pictures)]


def test_a_connection_begins_with_a_key_picture() -> None:
    gate = Gate(MAX_AGE, patience=5)
    assert gate.refuses(False, 0.0, 0.0) == NO_KEY
    assert gate.refuses(True, 0.0, 0.04) is None
    assert gate.refuses(False, 0.0, 0.08) is None


def test_a_stream_without_key_pictures_is_decoded_after_a_while() -> None:
    let_in = decoded(Gate(MAX_AGE, patience=1), [(False, 0.0)] * 50)
    assert let_in.index(True) == 26
    assert all(let_in[26:])


def test_what_is_too_late_is_left_out_up_to_a_key_picture_that_is_in_time() -> None:
    gate = Gate(MAX_AGE, patience=5)
    assert gate.refuses(True, 0.0, 0.0) is None
    assert gate.refuses(False, 0.6, 0.1) == LATE
    assert gate.refuses(False, 0.1, 0.2) == LATE  # in time, but it needs the one before
    assert gate.refuses(True, 0.4, 0.3) == LATE
    assert gate.refuses(True, 0.2, 0.4) is None
    assert gate.refuses(False, 0.2, 0.5) is None


def test_halfway_to_the_limit_the_decoder_leaves_out_what_nobody_needs() -> None:
    gate = Gate(MAX_AGE, patience=5)
    told = []
    for late in (0.1, 0.3, 0.1):
        gate.refuses(True, late, late)
        told.append(gate.skip)
    assert told == [Skip.NOTHING, Skip.UNNEEDED, Skip.NOTHING]


def test_without_a_limit_all_are_decoded_however_late() -> None:
    assert all(decoded(Gate(None, patience=5), [(True, 0.0), (False, 99.0), (False, 9.0)]))


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 2)), max_size=60))
def test_a_picture_is_decoded_only_after_all_since_a_key_picture_were(
    pictures: list[tuple[bool, float]],
) -> None:
    let_in = decoded(Gate(MAX_AGE, patience=1e9), pictures)
    whole = False  # whether the decoder has all that the next picture may need
    for (key, _), taken in zip(pictures, let_in, strict=True):
        whole = taken and (key or whole)
        assert whole == taken
