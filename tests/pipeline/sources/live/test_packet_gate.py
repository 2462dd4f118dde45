"""The packets that are decoded of a live stream: every decoded frame has its references."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.live.packet_gate import LATE, NO_KEYFRAME, PacketGate, Skip

MAX_AGE = 0.5


def decoded(gate: PacketGate, packets: list[tuple[bool, float]]) -> list[bool]:
    """Return which of the packets (keyframe, late) are accepted, one every 40 ms."""
    return [gate.refuses(key, late, k / 25) is None for k, (key, late) in enumerate(packets)]


def test_a_connection_starts_with_a_keyframe() -> None:
    gate = PacketGate(MAX_AGE, patience=5)
    assert gate.refuses(False, 0.0, 0.0) == NO_KEYFRAME
    assert gate.refuses(True, 0.0, 0.04) is None
    assert gate.refuses(False, 0.0, 0.08) is None


def test_a_stream_without_keyframes_is_decoded_after_a_while() -> None:
    accepted = decoded(PacketGate(MAX_AGE, patience=1), [(False, 0.0)] * 50)
    assert accepted.index(True) == 26
    assert all(accepted[26:])


def test_after_a_late_packet_all_are_refused_up_to_a_keyframe_in_time() -> None:
    gate = PacketGate(MAX_AGE, patience=5)
    assert gate.refuses(True, 0.0, 0.0) is None
    assert gate.refuses(False, 0.6, 0.1) == LATE
    assert gate.refuses(False, 0.1, 0.2) == LATE  # in time, but it references the one before
    assert gate.refuses(True, 0.4, 0.3) == LATE
    assert gate.refuses(True, 0.2, 0.4) is None
    assert gate.refuses(False, 0.2, 0.5) is None


def test_from_half_the_limit_on_the_decoder_skips_unreferenced_frames() -> None:
    gate = PacketGate(MAX_AGE, patience=5)
    skips = []
    for late in (0.1, 0.3, 0.1):
        gate.refuses(True, late, late)
        skips.append(gate.skip)
    assert skips == [Skip.NOTHING, Skip.NOT_REFERENCED, Skip.NOTHING]


def test_without_a_limit_all_packets_are_decoded_however_late() -> None:
    assert all(decoded(PacketGate(None, patience=5), [(True, 0.0), (False, 99.0), (False, 9.0)]))


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 2)), max_size=60))
def test_a_frame_is_decoded_only_if_all_since_a_keyframe_were(
    packets: list[tuple[bool, float]],
) -> None:
    accepted = decoded(PacketGate(MAX_AGE, patience=1e9), packets)
    whole = False  # the decoder has all references of the next frame
    for (key, _), taken in zip(packets, accepted, strict=True):
        whole = taken and (key or whole)
        assert whole == taken
