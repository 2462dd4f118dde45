"""How much memory one piece of a peer's data may take.

FFmpeg has no limit for the description of an RTSP session, for a picture whose last fragment never
comes, or for the packets of most containers: each grows until the memory ends. What they have in
common is that each of them lies in one block of memory, and the size of a block can be limited.
"""

from __future__ import annotations

import ctypes
import re
from functools import cache
from pathlib import Path

import av

MAX_BLOCK = 128 << 20  # bytes; a plane of an 8K picture of 10 bits has 66 MB
MAX_PACKET = 64 << 20  # bytes; a JPEG of 8K has up to 20 MB
MAX_PIXELS = 1 << 26  # of a frame; 8K has half of it

_LIBRARY = re.compile(r"/\S*libavutil[-.]\S*$", re.MULTILINE)


@cache
def limit_blocks() -> bool:
    """Let FFmpeg refuse blocks of more than MAX_BLOCK bytes, in the whole process.

    A connection that asks for one fails, and its memory is freed. Returns False where FFmpeg is
    linked in a way that hides its setting; then only the limits of packets and pixels hold.
    """
    assert av.library_versions  # the library is loaded
    for path in sorted(set(_LIBRARY.findall(Path("/proc/self/maps").read_text()))):
        try:
            set_limit = ctypes.CDLL(path).av_max_alloc
        except (OSError, AttributeError):
            continue
        set_limit(ctypes.c_size_t(MAX_BLOCK))
        return True
    return False
