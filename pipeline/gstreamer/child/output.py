"""Decoded frames go into slots of shared memory, and the parent is told."""

from __future__ import annotations

import ctypes
import struct
import threading
from typing import Any

from pipeline.gstreamer.child.gst import Gst, GstVideo
from pipeline.gstreamer.child.link import Link
from pipeline.gstreamer.child.ring import Ring

FRAME = struct.Struct(">IIQ?")
RANGES = {1: 2, 2: 1}  # GStreamer's numbers of full and limited range -> FFmpeg's


class Output:
    """Copies the frames of a pipeline into slots, and tells the parent; on the decoder's thread."""

    def __init__(self, link: Link, slots: int) -> None:
        self.link = link
        self.slots = slots
        self.main = threading.get_ident()  # where packets are pushed, and most frames come out
        self.ring: Ring | None = None
        self.caps: Any = None  # of the last frame
        self.layout: dict[str, Any] = {}
        self.coded: Any = None  # the structure of the parsed caps
        # Python's bindings copy the bytes of a buffer that they are asked for; this copies once.
        self.extract = ctypes.CDLL("libgstreamer-1.0.so.0").gst_buffer_extract
        self.extract.restype = ctypes.c_size_t
        pointer, size = ctypes.c_void_p, ctypes.c_size_t
        self.extract.argtypes = [pointer, size, pointer, size]

    def take(self, sink: Any) -> Any:
        """Take a frame from the end of the pipeline."""
        sample = sink.emit("pull-sample")
        buffer = sample.get_buffer()
        ring = self.fitting(sample.get_caps(), buffer)
        slot = ring.take()
        # The hash of a structure of GStreamer's is its address
        self.extract(hash(buffer), 0, ring.address + slot * ring.size, ring.frame)
        damaged = bool(buffer.get_flags() & Gst.BufferFlags.CORRUPTED)
        pushing = threading.get_ident() == self.main  # D follows
        tell = self.link.gather if pushing and ring.free else self.link.send
        tell(b"V", FRAME.pack(ring.number, slot, buffer.pts, damaged))
        return Gst.FlowReturn.OK

    def fitting(self, caps: Any, buffer: Any) -> Ring:
        """Return a ring for a frame; the parent learns of another layout."""
        if self.ring and hash(caps) == hash(self.caps) and buffer.get_size() == self.ring.frame:
            return self.ring  # the same caps: looking at them would cost more than a frame
        self.caps, layout = caps, layout_of(caps, buffer, self.coded)
        if self.ring and layout == self.layout:
            return self.ring
        number = 0
        if self.ring:
            number = self.ring.number + 1
            self.ring.close()
        self.layout = layout
        ring = self.ring = Ring(number, layout["size"], self.slots)
        where = {"ring": number, "slots": self.slots, "step": ring.size}
        self.link.send_json(b"M", ring.descriptor, **where, **layout)
        return ring

    def release(self, number: int, slot: int) -> None:
        """Free a slot; the number is that of its ring, which may be an old one."""
        if self.ring and self.ring.number == number:
            self.ring.release(slot)


def layout_of(caps: Any, buffer: Any, coded: Any) -> dict[str, Any]:
    """Return where the planes of a frame are, and what its pixels mean.

    coded: caps of the packets, which name only what the video itself states
    """
    info = GstVideo.VideoInfo.new_from_caps(caps)
    meta = GstVideo.buffer_get_video_meta(buffer) or info
    planes = range(info.finfo.n_planes)
    found, *aspect = coded.get_fraction("pixel-aspect-ratio")
    return {
        "format": info.finfo.name,
        "width": info.width,
        "height": info.height,
        "size": buffer.get_size(),
        "strides": [meta.stride[plane] for plane in planes],
        "offsets": [meta.offset[plane] for plane in planes],
        "pixel_aspect": aspect if found else None,
        "colours": colours_of(coded.get_string("colorimetry") or ""),
    }


def colours_of(colorimetry: str) -> dict[str, int]:
    """Return what the colours mean, in FFmpeg's numbers; unspecified if it is not stated."""
    colours = GstVideo.VideoColorimetry()
    colours.from_string(colorimetry)
    return {
        "colorspace": GstVideo.VideoColorMatrix.to_iso(colours.matrix),
        "color_trc": GstVideo.VideoTransferFunction.to_iso(colours.transfer),
        "color_primaries": GstVideo.VideoColorPrimaries.to_iso(colours.primaries),
        "color_range": RANGES.get(int(colours.range), 0),
    }
