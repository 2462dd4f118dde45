"""H.264 as fragmented MP4 for Media Source Extensions: one fragment per frame, written at once.

Boxes as in ISO/IEC 14496-12 (file format) and 14496-15 (H.264 in it). FFmpeg's muxer holds each
frame back until the next one comes, which costs a frame interval; this one does not.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

TIMESCALE = 90_000  # ticks per second
_VIDEO_TRACK = 1
_MATRIX = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_IS_KEYFRAME, _IS_NOT_KEYFRAME = 0x02000000, 0x01010000  # sample flags
_NO_VIEW = frozenset({7, 8, 9})  # NAL units that the init segment has, or that nobody needs


@dataclass(frozen=True, slots=True)
class H264Format:
    """What a decoder needs to know before the first frame.

    sps, pps: NAL units without start code; width, height: pixels
    """

    sps: bytes
    pps: tuple[bytes, ...]
    width: int
    height: int

    @property
    def mime(self) -> str:
        """The MIME type with profile, constraints and level, as RFC 6381 writes them."""
        return f'video/mp4; codecs="avc1.{self.sps[1:4].hex().upper()}"'

    def init_segment(self) -> bytes:
        """Return the segment that precedes all fragments."""
        return _box(b"ftyp", b"iso5", _u32(512), b"iso5iso6mp41") + _box(
            b"moov",
            _movie_header(),
            _box(b"trak", self._track_header(), self._media()),
            _box(b"mvex", _full_box(b"trex", 0, 0, _u32(_VIDEO_TRACK, 1, 0, 0, 0))),
        )

    def _track_header(self) -> bytes:
        return _full_box(
            b"tkhd",
            0,
            3,  # enabled, in the movie
            _u32(0, 0, _VIDEO_TRACK, 0, 0),  # times, track, reserved, duration
            bytes(16),  # reserved, layer, group, volume
            _MATRIX,
            _u32(self.width << 16, self.height << 16),
        )

    def _media(self) -> bytes:
        return _box(
            b"mdia",
            _full_box(b"mdhd", 0, 0, _u32(0, 0, TIMESCALE, 0), b"\x55\xc4\0\0"),  # language: und
            _full_box(b"hdlr", 0, 0, _u32(0), b"vide", bytes(12), b"video\0"),
            _box(
                b"minf",
                _full_box(b"vmhd", 0, 1, bytes(8)),
                _box(b"dinf", _full_box(b"dref", 0, 0, _u32(1), _full_box(b"url ", 0, 1))),
                _box(
                    b"stbl",
                    _full_box(b"stsd", 0, 0, _u32(1), self._sample_entry()),
                    _full_box(b"stts", 0, 0, _u32(0)),
                    _full_box(b"stsc", 0, 0, _u32(0)),
                    _full_box(b"stsz", 0, 0, _u32(0, 0)),
                    _full_box(b"stco", 0, 0, _u32(0)),
                ),
            ),
        )

    def _sample_entry(self) -> bytes:
        return _box(
            b"avc1",
            bytes(6) + b"\0\1" + bytes(16),
            struct.pack(">HH", self.width, self.height),
            _u32(0x480000, 0x480000, 0),  # 72 dpi
            b"\0\1" + bytes(32) + b"\0\x18\xff\xff",  # frames per sample, name, depth
            self._decoder_configuration(),
        )

    def _decoder_configuration(self) -> bytes:
        sets = b"".join(struct.pack(">H", len(each)) + each for each in self.pps)
        return _box(
            b"avcC",
            b"\1" + self.sps[1:4] + b"\xff\xe1",  # lengths of 4 bytes, one SPS
            struct.pack(">H", len(self.sps)) + self.sps,
            bytes([len(self.pps)]) + sets,
        )


def fragment(
    sequence: int, units: Iterable[bytes], *, dts: int, pts: int, duration: int, keyframe: bool
) -> bytes:
    """Return one frame as a fragment.

    sequence: from 1 on; units: NAL units without start code; dts, pts, duration: ticks
    """
    data = b"".join(_u32(len(unit)) + unit for unit in units if unit[0] & 31 not in _NO_VIEW)
    flags = _IS_KEYFRAME if keyframe else _IS_NOT_KEYFRAME

    def head(data_offset: int) -> bytes:
        run = struct.pack(">IiIIIi", 1, data_offset, duration, len(data), flags, pts - dts)
        return _box(
            b"moof",
            _full_box(b"mfhd", 0, 0, _u32(sequence)),
            _box(
                b"traf",
                _full_box(b"tfhd", 0, 0x20000, _u32(_VIDEO_TRACK)),  # offsets from this moof
                _full_box(b"tfdt", 1, 0, struct.pack(">Q", dts)),
                _full_box(b"trun", 1, 0xF01, run),  # duration, size, flags, offset of each sample
            ),
        )

    return head(len(head(0)) + 8) + _box(b"mdat", data)


def _movie_header() -> bytes:
    return _full_box(
        b"mvhd",
        0,
        0,
        _u32(0, 0, TIMESCALE, 0),
        _u32(0x10000) + b"\1\0" + bytes(10),  # rate, volume, reserved
        _MATRIX,
        bytes(24),
        _u32(_VIDEO_TRACK + 1),
    )


def _box(kind: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return _u32(8 + len(content)) + kind + content


def _full_box(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    return _box(kind, _u32(version << 24 | flags), *parts)


def _u32(*numbers: int) -> bytes:
    return struct.pack(f">{len(numbers)}I", *numbers)
