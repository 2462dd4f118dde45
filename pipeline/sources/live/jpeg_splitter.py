"""The JPEG images in a stream of bytes, found by their own structure.

Cameras that send JPEG images as parts of a multipart message (MJPEG) get everything around the
images wrong: no boundary before the first part, boundaries without their two hyphens or with other
ones than announced, lengths that are missing or false. Browsers show them all the same. A JPEG
image tells where it ends (ITU-T T.81, annex B), so that nothing around it has to be right.
"""

from __future__ import annotations

import re

MAX_JPEG = 32 << 20  # bytes; one of 8K at the best quality has about 20 MB
_START = b"\xff\xd8\xff"
_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_ALONE = {0x01, *range(0xD0, 0xD8)}  # markers without a segment
# In compressed data FF is followed by 00, a restart or another FF; all else is a marker.
_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])")


class JpegSplitter:
    """Splits a stream of bytes into JPEG images; it holds one of them, of MAX_JPEG bytes at most.

    An image that is broken, or not finished when the next one starts, is returned as far as it
    goes: the decoder judges it, and counts it.

    too_long: an image was longer, and is left out
    """

    def __init__(self) -> None:
        self._buffer = bytearray()  # inside an image: begins with it
        self._position = 0  # up to which the image is understood; may be behind the buffer
        self._inside = False
        self._compressed = False  # the position is in compressed data, else at a marker
        self.too_long = False

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes, and return the images that they complete."""
        self._buffer += data
        found: list[bytes] = []
        while self._advance(found):
            pass
        if len(self._buffer) > MAX_JPEG:
            self.too_long, self._inside = True, False
            self._buffer.clear()
        return found

    def _advance(self, found: list[bytes]) -> bool:
        """Go one step on; return False if that needs more bytes."""
        if not self._inside:
            return self._find_start()
        return self._find_marker() if self._compressed else self._pass_marker(found)

    def _find_start(self) -> bool:
        at = self._buffer.find(_START)
        if at < 0:
            del self._buffer[: max(0, len(self._buffer) - len(_START) + 1)]
            return False
        del self._buffer[:at]
        self._position, self._inside, self._compressed = 2, True, False
        return True

    def _find_marker(self) -> bool:
        marker = _MARKER.search(self._buffer, self._position)
        if not marker:
            # the last byte may be the first half of a marker
            self._position = max(self._position, len(self._buffer) - 1)
            return False
        self._position, self._compressed = marker.start(1) - 1, False
        return True

    def _pass_marker(self, found: list[bytes]) -> bool:
        head = self._buffer[self._position : self._position + 4]
        if len(head) < 2:
            return False
        if head[0] != 0xFF or head[1] == 0:
            # not looked at again for another start: that could take any time
            self._take(self._position, found)
        elif head[1] == 0xFF:  # a marker may begin with any number of them
            self._position += 1
        elif head[1] in (_EOI, _SOI):
            self._take(self._position + 2 * (head[1] == _EOI), found)
        elif head[1] in _ALONE:
            self._position += 2
        elif len(head) < 4:
            return False
        else:
            self._position += 2 + int.from_bytes(head[2:], "big")
            self._compressed = head[1] == _SOS
        return True

    def _take(self, end: int, found: list[bytes]) -> None:
        found.append(bytes(self._buffer[:end]))
        del self._buffer[:end]
        self._inside = False
