"""A pipeline of GStreamer's that encodes frames as H.264."""

from __future__ import annotations

import ctypes
import mmap
import struct
import threading
from itertools import pairwise
from typing import Any

from pipeline.gstreamer.child.encoders import PARSER, LiveEncoder, settings_of, usable
from pipeline.gstreamer.child.ends import set_up_sink, source_of
from pipeline.gstreamer.child.gst import Gst, GstVideo
from pipeline.gstreamer.child.link import Link

FRAME = struct.Struct(">Q?")
FLUSH_SECONDS = 5.0  # that the last units may take
UNITS = "video/x-h264,stream-format=byte-stream,alignment=au"


class Encoding:
    """A pipeline without a source: frames are pushed into its first pad."""

    def __init__(self, link: Link, options: dict[str, Any]) -> None:
        self.link = link
        self.ended = threading.Event()  # the last unit has come out
        info = GstVideo.VideoInfo()
        info.set_format(GstVideo.VideoFormat.I420, options["width"], options["height"])
        info.fps_n, info.fps_d = options["rate"]
        info.par_n, info.par_d = options["pixel_aspect"]
        self.size = info.size
        self.memory = mmap.mmap(options["memory"], self.size)
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        # Python's bindings copy the bytes that they are given; this copies once.
        self.fill = ctypes.CDLL("libgstreamer-1.0.so.0").gst_buffer_fill
        self.fill.restype = ctypes.c_size_t
        pointer, size = ctypes.c_void_p, ctypes.c_size_t
        self.fill.argtypes = [pointer, size, pointer, size]
        self.encoder = self.start(info.to_caps(), options)

    def start(self, caps: Any, options: dict[str, Any]) -> LiveEncoder:
        """Start the first pipeline that starts, and return its encoder."""
        for choice in usable(Gst.ElementFactory.find):
            self.pipeline = Gst.Pipeline()
            elements = self.elements(choice, options)
            for element in elements:
                self.pipeline.add(element)
            linked = all(one.link(other) for one, other in pairwise(elements))
            self.pipeline.get_bus().set_sync_handler(self.look_at_message)
            started = self.pipeline.set_state(Gst.State.PLAYING)
            if linked and started != Gst.StateChangeReturn.FAILURE:
                self.pad = source_of("frames", elements[0].get_static_pad("sink"), caps)
                return choice
            self.pipeline.set_state(Gst.State.NULL)
        return self.link.fail("GStreamer has no encoder for h264 here")

    def elements(self, choice: LiveEncoder, options: dict[str, Any]) -> list[Any]:
        """Return the elements of a pipeline, set up and not linked yet."""
        made = Gst.ElementFactory.make
        encoder, parser, sink = made(choice.element), made(PARSER), made("appsink")
        stream = {name: options[name] for name in ("gop", "bit_rate", "buffer_bits")}
        for name, text in settings_of(choice, **stream).items():
            Gst.util_set_object_arg(encoder, name, text)
        parser.set_property("config-interval", -1)  # headers with each keyframe
        set_up_sink(sink, self.take, self.ended)
        before = [made(choice.converter), filter_of(choice.memory)] if choice.converter else []
        return [*before, encoder, parser, filter_of(UNITS), sink]

    def look_at_message(self, _: Any, message: Any) -> Any:
        """End after an error."""
        if message.type == Gst.MessageType.ERROR:
            self.link.fail(message.parse_error()[0].message)
        return Gst.BusSyncReply.DROP

    def push(self, content: bytes) -> None:
        """Encode the frame in the memory."""
        time, keyframe = FRAME.unpack(content)
        if keyframe:
            event = GstVideo.video_event_new_downstream_force_key_unit(time, time, time, True, 0)
            self.pad.push_event(event)
        buffer = Gst.Buffer.new_allocate(None, self.size, None)
        # The hash of a structure of GStreamer's is its address
        self.fill(hash(buffer), 0, self.address, self.size)
        buffer.pts = time
        flow = self.pad.push(buffer)
        if flow != Gst.FlowReturn.OK:
            self.link.fail(f"GStreamer answers {flow.value_nick}")

    def take(self, sink: Any) -> Any:
        """Send a unit from the end of the pipeline."""
        buffer = sink.emit("pull-sample").get_buffer()
        keyframe = not buffer.get_flags() & Gst.BufferFlags.DELTA_UNIT
        unit = buffer.extract_dup(0, buffer.get_size())
        self.link.send(b"U", FRAME.pack(buffer.pts, keyframe) + unit)
        return Gst.FlowReturn.OK

    def flush(self) -> None:
        """Encode what is left."""
        self.pad.push_event(Gst.Event.new_eos())
        self.ended.wait(FLUSH_SECONDS)


def filter_of(caps: str) -> Any:
    """Return an element that passes on only such frames or units."""
    made = Gst.ElementFactory.make("capsfilter")
    made.set_property("caps", Gst.Caps.from_string(caps))
    return made


def encode(link: Link, options: dict[str, Any]) -> None:
    """Encode until the parent has gone."""
    encoding = Encoding(link, options)
    encoder = encoding.encoder
    link.send_json(b"I", element=encoder.element, hardware=encoder.in_hardware)
    while True:
        kind, content = link.receive()
        if kind == b"V":
            encoding.push(content)
        else:
            encoding.flush()
        link.send(b"D")
