"""The size that the header of an image states, before anything is decoded."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from struct import unpack_from

_JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # markers of frame headers
_TIFF_WIDTH, _TIFF_HEIGHT = 256, 257


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """Width and height in pixels; several: what the file has more than one of, if it does."""

    width: int
    height: int
    several: str = ""


def image_header(head: bytes) -> ImageHeader | None:
    """Return the size that BMP, GIF, JPEG, PNG, TIFF or WebP states; None: it is none of them.

    head: the file; a TIFF may have its header at the end
    """
    try:
        for signature, read in _READERS:
            if head.startswith(signature):
                return read(head)
    except (struct.error, IndexError):  # it ends inside its header
        return None
    return None


def _png(head: bytes) -> ImageHeader:
    width, height = unpack_from(">II", head, 16)
    several = "frames" if b"acTL" in head[: max(head.find(b"IDAT"), 0)] else ""
    return ImageHeader(width, height, several)


def _jpeg(head: bytes) -> ImageHeader | None:
    at = 2
    while True:
        at = head.find(b"\xff", at)
        if at < 0:
            return None
        marker, length = unpack_from(">xBH", head, at)
        if marker in _JPEG_SIZES:
            height, width = unpack_from(">HH", head, at + 5)
            return ImageHeader(width, height)
        alone = marker in (0x00, 0x01, 0xFF) or 0xD0 <= marker <= 0xD8
        at += 1 if alone else 2 + length


def _gif(head: bytes) -> ImageHeader:
    return ImageHeader(*unpack_from("<HH", head, 6))


def _bmp(head: bytes) -> ImageHeader:
    if unpack_from("<I", head, 14)[0] == 12:  # the form of OS/2
        return ImageHeader(*unpack_from("<HH", head, 18))
    width, height = unpack_from("<ii", head, 18)
    return ImageHeader(abs(width), abs(height))  # negative: from the top


def _webp(head: bytes) -> ImageHeader | None:
    kind = head[12:16]
    if kind == b"VP8X":
        several = "frames" if head[20] & 2 else ""
        width, height = (int.from_bytes(head[at : at + 3], "little") + 1 for at in (24, 27))
        return ImageHeader(width, height, several)
    if kind == b"VP8L":
        bits = unpack_from("<I", head, 21)[0]
        return ImageHeader((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if kind == b"VP8 ":
        width, height = unpack_from("<HH", head, 26)
        return ImageHeader(width & 0x3FFF, height & 0x3FFF)
    return None


def _tiff(head: bytes) -> ImageHeader | None:
    order = "<" if head.startswith(b"II") else ">"
    at = unpack_from(f"{order}I", head, 4)[0]
    count = unpack_from(f"{order}H", head, at)[0]
    sizes = {}
    for entry in range(at + 2, at + 2 + 12 * count, 12):
        tag, kind = unpack_from(f"{order}HH", head, entry)
        sizes[tag] = unpack_from(f"{order}{'H' if kind == 3 else 'I'}", head, entry + 8)[0]
    if _TIFF_WIDTH not in sizes or _TIFF_HEIGHT not in sizes:
        return None
    further = unpack_from(f"{order}I", head, at + 2 + 12 * count)[0]
    several = "pages" if further else ""
    return ImageHeader(sizes[_TIFF_WIDTH], sizes[_TIFF_HEIGHT], several)


_READERS: tuple[tuple[bytes, Callable[[bytes], ImageHeader | None]], ...] = (
    (b"\x89PNG\r\n\x1a\n", _png),
    (b"\xff\xd8", _jpeg),
    (b"GIF8", _gif),
    (b"BM", _bmp),
    (b"RIFF", _webp),
    (b"II*\0", _tiff),
    (b"MM\0*", _tiff),
)
