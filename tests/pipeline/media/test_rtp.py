"""H.264 in RTP: packets against RFC 6184, clock reports against RFC 3550."""

from __future__ import annotations

import re
import struct
from datetime import datetime, timezone

import av
from hypothesis import given
from hypothesis import strategies as st

from pipeline.media.rtp import MAX_PAYLOAD, Packetizer, description, nal_units, parameter_sets
from tests.support.cameras import encoded, numbered

SPS, PPS = b"\x67\x42\xc0\x1e\xd9", b"\x68\xcb\x83\xcb\x20"
START = b"\x00\x00\x00\x01"
NAL = st.binary(min_size=1, max_size=5000).map(
    # no start code inside, as emulation prevention ensures, and no zero at the end
    lambda body: b"\x65" + re.sub(rb"\x00\x00", b"\x00\x01", body).rstrip(b"\x00") + b"\x80"
)


def depacketized(packets: list[bytes]) -> list[bytes]:
    """Reassemble fragments exactly as RFC 6184, 5.8, says."""
    nals: list[bytes] = []
    for packet in packets:
        payload = packet[12:]
        if payload[0] & 31 != 28:
            nals.append(payload)
        elif payload[1] & 0x80:
            nals.append(bytes([payload[0] & 0xE0 | payload[1] & 31]) + payload[2:])
        else:
            nals[-1] += payload[2:]
    return nals


@given(st.lists(NAL, min_size=1, max_size=5), st.integers(0, 2**33))
def test_nal_units_survive_packetization_and_packets_are_small_enough(
    nals: list[bytes], timestamp: int
) -> None:
    packets = list(Packetizer(7).packets_of(b"".join(START + nal for nal in nals), timestamp))
    assert depacketized(packets) == nals
    assert all(len(packet) <= 12 + MAX_PAYLOAD for packet in packets)
    headers = [struct.unpack(">BBHII", packet[:12]) for packet in packets]
    assert [header[1] >> 7 for header in headers] == [0] * (len(packets) - 1) + [1]  # the marker
    assert [header[2] for header in headers] == list(range(len(packets)))
    assert {header[3:] for header in headers} == {(timestamp % 2**32, 7)}


def test_nal_units_follow_both_start_codes_and_delimiters_are_left_out() -> None:
    unit = START + b"\x09\xf0" + START + SPS + b"\x00\x00\x01" + PPS + START + b"\x65\x88"
    assert nal_units(unit) == [SPS, PPS, b"\x65\x88"]
    assert parameter_sets(unit) == (SPS, PPS)
    assert parameter_sets(START + b"\x41\x9a") is None


def test_a_report_has_the_time_of_capture_in_ntp_format() -> None:
    sender = Packetizer(0x01020304)
    list(sender.packets_of(START + b"\x65" + bytes(range(1, 100)), 0))
    captured_at = datetime(2026, 11, 23, 12, tzinfo=timezone.utc).timestamp() + 0.5
    version, kind, size, source, seconds, fraction, stamp, packets, octets = struct.unpack(
        ">BBHIIIIII", sender.report(90_000, captured_at)
    )
    assert (version, kind, size, source) == (0x80, 200, 6, 0x01020304)
    since_1900 = datetime(2026, 11, 23, 12) - datetime(1900, 1, 1)
    assert seconds == since_1900.total_seconds()
    assert fraction == 2**31
    assert (stamp, packets, octets) == (90_000, 1, 100)


def test_ffmpeg_reads_the_session_description() -> None:
    unit = bytes(next(encoded(numbered(frames=1))))
    sets = parameter_sets(unit)
    assert sets
    text = description(*sets).replace("m=video 0", "m=video 5004")

    class File:
        """The description as a file object."""

        name = "session.sdp"
        rest = text.encode()

        def read(self, size: int) -> bytes:
            part, self.rest = self.rest[:size], self.rest[size:]
            return part

    with av.open(File(), format="sdp", options={"protocol_whitelist": "udp,rtp"}, timeout=1) as sdp:
        (video,) = sdp.streams.video
        assert video.codec_context.name == "h264"
        assert all(part in (video.codec_context.extradata or b"") for part in sets)
