"""GStreamer's bindings of the system's Python; Gst is None without them."""

from __future__ import annotations

try:
    import gi

    gi.require_version("Gst", "1.0")
    gi.require_version("GstApp", "1.0")
    gi.require_version("GstVideo", "1.0")
    from gi.repository import Gst, GstVideo
except (ImportError, ValueError):
    Gst = GstVideo = None

__all__ = ["Gst", "GstVideo"]
