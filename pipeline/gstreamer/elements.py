"""What GStreamer can decode and encode on this machine, asked once."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.gstreamer.child_process import CHILD
from pipeline.gstreamer.system_python import PACKAGES, SYSTEM_PYTHON, child_environment

# With this plugin, which JetPack installs, GStreamer decodes in the hardware of a Jetson
JETSON_PLUGIN = Path("/usr/lib/aarch64-linux-gnu/gstreamer-1.0/libgstnvvideo4linux2.so")
SECONDS = 60.0  # for GStreamer to look at its plugins, once after they were installed


@cache
def elements(python: str = SYSTEM_PYTHON) -> Mapping[str, Any] | None:
    """Return what the child finds here, as its documentation says; None without GStreamer."""
    try:
        run = subprocess.run(
            [python, "-IB", str(CHILD)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            env=child_environment(),
            timeout=SECONDS,
        )
        found: dict[str, Any] | None = json.loads(run.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return found


def decoders(python: str = SYSTEM_PYTHON) -> Mapping[str, Sequence[str]] | None:
    """Return the elements that decode each codec, the one that is used first; None without any.

    codec: FFmpeg's name
    """
    found = elements(python)
    return found["decoders"] if found else None


def encoding_obstacle(python: str = SYSTEM_PYTHON) -> str | None:
    """Return why GStreamer cannot encode H.264 here, and what to install; None if it can."""
    found = elements(python)
    if found is None:
        return _no_bindings(python)
    if not found["encoders"]:
        return f"GStreamer has no encoder: install the Debian packages {PACKAGES}"
    return None


def obstacle(python: str = SYSTEM_PYTHON) -> str | None:
    """Return why GStreamer cannot decode here, and what to install; None if it can."""
    found = decoders(python)
    if found is None:
        return _no_bindings(python)
    if not any(found.values()):
        return f"GStreamer has no decoders: install the Debian packages {PACKAGES}"
    return None


def is_for_jetson(plugin: Path = JETSON_PLUGIN) -> bool:
    """Return whether GStreamer is the way to the hardware of this machine."""
    return plugin.exists()


def _no_bindings(python: str) -> str:
    return f"{python} has no bindings of GStreamer: install the Debian packages {PACKAGES}"
