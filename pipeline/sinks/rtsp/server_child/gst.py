"""GStreamer's bindings of the system's Python."""

from __future__ import annotations

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstApp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gio, GLib, Gst, GstRtspServer  # noqa: E402

__all__ = ["GLib", "Gio", "Gst", "GstRtspServer"]
