"""H.264 as RTP packets (RFC 6184), and the reports of its clock (RFC 3550, 6.4.1)."""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

PAYLOAD_TYPE = 96
MAX_PAYLOAD = 1400  # bytes: with all headers it fits into an Ethernet frame
NTP_EPOCH = 2_208_988_800  # seconds from 1900 to 1970

_START = re.compile(rb"\x00\x00\x01")
_RTP = struct.Struct(">BBHII")
_REPORT = struct.Struct(">BBHIQIII")
_VERSION = 2 << 6
_MARKER = 1 << 7
_FU_A, _SPS, _PPS, _DELIMITER = 28, 7, 8, 9


def nal_units(unit: bytes) -> list[bytes]:
    """Return the NAL units of an access unit in Annex B, without access unit delimiters."""
    starts = [found.end() for found in _START.finditer(unit)]
    ends = [start - 3 for start in starts[1:]] + [len(unit)]
    units = [unit[start:end].rstrip(b"\x00") for start, end in zip(starts, ends, strict=True)]
    return [nal for nal in units if nal and nal[0] & 31 != _DELIMITER]


def parameter_sets(unit: bytes) -> tuple[bytes, bytes] | None:
    """Return the sequence and the picture parameter set of an access unit, None without both."""
    kinds = {nal[0] & 31: nal for nal in reversed(nal_units(unit))}
    return (kinds[_SPS], kinds[_PPS]) if {_SPS, _PPS} <= kinds.keys() else None


def description(sps: bytes, pps: bytes) -> str:
    """Return the session description (RFC 8866) of a stream with these parameter sets."""
    sets = ",".join(base64.b64encode(each).decode() for each in (sps, pps))
    lines = (
        "v=0",
        "o=- 0 0 IN IP4 127.0.0.1",
        "s=Framelane",
        "c=IN IP4 0.0.0.0",
        "t=0 0",
        f"m=video 0 RTP/AVP {PAYLOAD_TYPE}",
        f"a=rtpmap:{PAYLOAD_TYPE} H264/90000",
        f"a=fmtp:{PAYLOAD_TYPE} packetization-mode=1;"
        f"profile-level-id={sps[1:4].hex()};sprop-parameter-sets={sets}",
        "a=control:trackID=0",
    )
    return "\r\n".join(lines) + "\r\n"


@dataclass(slots=True)
class Packetizer:
    """Turns access units into RTP packets, and counts them for its reports.

    source: number of this sender (SSRC), 32 bits
    """

    source: int
    sequence: int = 0
    packets: int = 0
    octets: int = 0

    def packets_of(self, unit: bytes, timestamp: int) -> Iterator[bytes]:
        """Yield the packets of one access unit; timestamp: in 1/90000 s."""
        payloads = [payload for nal in nal_units(unit) for payload in _payloads(nal)]
        for number, payload in enumerate(payloads, 1):
            marker = _MARKER if number == len(payloads) else 0
            header = _RTP.pack(
                _VERSION,
                marker | PAYLOAD_TYPE,
                self.sequence,
                timestamp % 2**32,
                self.source,
            )
            self.sequence = (self.sequence + 1) % 2**16
            self.packets += 1
            self.octets += len(payload)
            yield header + payload

    def report(self, timestamp: int, captured_at: float) -> bytes:
        """Return the sender report that maps `timestamp` to its time of capture.

        captured_at: seconds since 1970
        """
        ntp = round((captured_at + NTP_EPOCH) * 2**32) % 2**64
        size = _REPORT.size // 4 - 1
        return _REPORT.pack(
            _VERSION,
            200,
            size,
            self.source,
            ntp,
            timestamp % 2**32,
            self.packets % 2**32,
            self.octets % 2**32,
        )


def _payloads(nal: bytes) -> Iterator[bytes]:
    """Yield a NAL unit in one piece, or in fragments (FU-A)."""
    if len(nal) <= MAX_PAYLOAD:
        yield nal
        return
    indicator = nal[0] & 0xE0 | _FU_A
    parts = range(1, len(nal), MAX_PAYLOAD - 2)
    for start in parts:
        first, last = start == 1, start == parts[-1]
        header = first << 7 | last << 6 | nal[0] & 31
        yield bytes((indicator, header)) + nal[start : start + MAX_PAYLOAD - 2]
