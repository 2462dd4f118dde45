"""A child that decodes like hardware which holds packets back: its frames may come late.

Up to packet PROMPT, the frame that a packet completes comes before the answer to the packet. Later
ones come a moment after it. It speaks the messages of pipeline/gstreamer/child, and is run alone.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
import time

HELD, PROMPT = 2, 60  # packets
WIDTH, HEIGHT, SLOTS = 16, 16, 8
BYTES = WIDTH * HEIGHT * 3 // 2
LATE_SECONDS = 0.02
LAYOUT = {
    "ring": 0,
    "pixel_aspect": None,
    "colours": {"colorspace": 2, "color_trc": 2, "color_primaries": 2, "color_range": 0},
    "step": BYTES,
    "slots": SLOTS,
    "format": "NV12",
    "width": WIDTH,
    "height": HEIGHT,
    "strides": [WIDTH, WIDTH],
    "offsets": [0, WIDTH * HEIGHT],
}


def main() -> None:
    """Answer packets until the other side closes."""
    link = socket.socket(fileno=int(sys.argv[1]))
    incoming = link.makefile("rb")
    memory = os.memfd_create("frames")
    os.truncate(memory, BYTES * SLOTS)
    times: list[bytes] = []
    while header := incoming.read(5):
        kind, size = struct.unpack(">cI", header)
        content = incoming.read(size)
        if kind == b"S":
            link.sendall(_message(b"I", json.dumps({"element": "late", "hardware": True}).encode()))
            layout = _message(b"M", json.dumps(LAYOUT).encode())
            socket.send_fds(link, [layout], [memory])
        elif kind == b"P":
            times.append(content[:8])
            number = len(times) - 1
            frame = b""
            if number >= HELD:
                (moment,) = struct.unpack(">Q", times[number - HELD])
                frame = _message(b"V", struct.pack(">IIQ?", 0, number % SLOTS, moment, False))
            if number < PROMPT:
                link.sendall(frame + _message(b"D", b""))
            else:
                link.sendall(_message(b"D", b""))
                time.sleep(LATE_SECONDS)
                link.sendall(frame)


def _message(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">cI", kind, len(content)) + content


if __name__ == "__main__":
    main()
