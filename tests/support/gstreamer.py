"""GStreamer's decoder for tests: whether it is here, and the processes in which it decodes."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from pipeline.gstreamer.child_process import CHILD
from pipeline.gstreamer.elements import obstacle
from tests.support.environment import absent
from tests.support.library import children


def require_decoder() -> None:
    """Skip visibly if GStreamer decodes nothing here; fail if REQUIRE_GSTREAMER=1."""
    if missing := obstacle():
        absent(missing, "REQUIRE_GSTREAMER")


def gstreamer_children() -> set[int]:
    """Return the processes of ours in which GStreamer decodes or encodes."""
    found = set()
    for number in children(os.getpid()):
        with suppress(OSError):  # it has ended
            if bytes(CHILD) in Path(f"/proc/{number}/cmdline").read_bytes():
                found.add(number)
    return found
