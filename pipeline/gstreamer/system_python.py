"""The system's Python, for which Debian and JetPack install GStreamer's bindings."""

from __future__ import annotations

import os

SYSTEM_PYTHON = "/usr/bin/python3"
PACKAGES = (  # of Debian, with which the decoder works
    "python3-gi gir1.2-gst-plugins-base-1.0 gstreamer1.0-plugins-good gstreamer1.0-plugins-bad "
    "gstreamer1.0-libav"
)
# What a child needs of ours: our environment may hold passwords
ENVIRONMENT = (
    "HOME",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "PATH",
    "TMPDIR",
    "XDG_CACHE_HOME",
    "GI_TYPELIB_PATH",
    "GST_PLUGIN_PATH",
    "GST_PLUGIN_SYSTEM_PATH",
    "GST_REGISTRY",
)


def child_environment() -> dict[str, str]:
    """Return the part of our environment that a child of GStreamer's gets."""
    return {key: os.environ[key] for key in ENVIRONMENT if key in os.environ}
