"""A pipeline of GStreamer's that decodes packets."""

from __future__ import annotations

import queue
import struct
import threading
from itertools import pairwise
from typing import Any

from pipeline.gstreamer.child.decoders import (
    CODECS,
    FORMATS,
    HARDWARE_FORMATS,
    PLAIN_CONVERTER,
    SETTINGS,
    STREAM_FORMATS,
    caps_of,
    choices,
)
from pipeline.gstreamer.child.ends import set_up_sink, source_of
from pipeline.gstreamer.child.gst import Gst
from pipeline.gstreamer.child.link import Link
from pipeline.gstreamer.child.output import Output

TIME = struct.Struct(">Q")
SLOT = struct.Struct(">II")
FLUSH_SECONDS = 5.0  # that the last frames may take


class Input:
    """A pipeline without a source: packets are pushed into its first pad."""

    def __init__(self, link: Link, output: Output, options: dict[str, Any]) -> None:
        self.link = link
        self.output = output
        self.options = options
        self.ended = threading.Event()  # the last frame has come out
        self.flushing = False
        codec, lengths = options["codec"], options["lengths"]
        if codec not in CODECS:
            link.fail(f"GStreamer decodes no {codec} here")
        self.headers = bytes.fromhex(options["headers"])
        caps = Gst.Caps.from_string(caps_of(codec, lengths))
        if self.headers and (lengths or codec not in STREAM_FORMATS):
            caps.set_value("codec_data", Gst.Buffer.new_wrapped(self.headers))
            self.headers = b""
        self.decoder = self.start(caps)

    def start(self, caps: Any) -> str:
        """Start the first pipeline that starts, and return its decoder's name."""
        codec = self.options["codec"]
        for choice in choices(codec, Gst.ElementFactory.find):
            names = [name for name in (*choice, "capsfilter", "appsink") if name]
            elements = [Gst.ElementFactory.make(name) for name in names]
            self.pipeline = Gst.Pipeline()
            for element in elements:
                self.pipeline.add(element)
            linked = all(one.link(other) for one, other in pairwise(elements))
            if linked and self.configure(elements):
                self.pad = source_of("packets", elements[0].get_static_pad("sink"), caps)
                kind = elements[-4].get_factory().get_metadata("klass")
                self.in_hardware = "Hardware" in kind or choice[2] != PLAIN_CONVERTER
                return choice[1]
            self.pipeline.set_state(Gst.State.NULL)
        return self.link.fail(f"GStreamer has no decoder for {codec} here")

    def configure(self, elements: list[Any]) -> bool:
        """Set up the elements of a pipeline; return whether it starts."""
        *_, decoder, converter, filter_, sink = elements
        for name, value in SETTINGS.items():
            if decoder.find_property(name):
                decoder.set_property(name, value)
        plain = converter.get_factory().get_name() == PLAIN_CONVERTER
        filter_.set_property("caps", Gst.Caps.from_string(FORMATS if plain else HARDWARE_FORMATS))
        set_up_sink(sink, self.output.take, self.ended)
        pad = decoder.get_static_pad("sink")
        pad.add_probe(Gst.PadProbeType.EVENT_DOWNSTREAM, self.look_at_caps)
        self.pipeline.get_bus().set_sync_handler(self.look_at_message)
        started = self.pipeline.set_state(Gst.State.PLAYING)
        return bool(started != Gst.StateChangeReturn.FAILURE)

    def look_at_caps(self, _: Any, info: Any) -> Any:
        """Refuse frames that are too large before they are decoded."""
        event = info.get_event()
        if event.type == Gst.EventType.CAPS:
            coded = self.output.coded = event.parse_caps().copy().get_structure(0)
            self.output.caps = None
            width, height = (coded.get_int(name)[1] for name in ("width", "height"))
            if width * height > self.options["max_pixels"]:
                self.link.fail(f"frames of {width}x{height} pixels are too large")
        return Gst.PadProbeReturn.OK

    def look_at_message(self, _: Any, message: Any) -> Any:
        """End after an error; a decoder that ends may complain that it was given nothing."""
        if message.type == Gst.MessageType.ERROR and not self.flushing:
            self.link.fail(message.parse_error()[0].message)
        return Gst.BusSyncReply.DROP

    def push(self, packet: bytes) -> None:
        """Decode a packet."""
        buffer = Gst.Buffer.new_wrapped(self.headers + packet[TIME.size :])
        (buffer.pts,) = TIME.unpack_from(packet)
        self.headers = b""
        flow = self.pad.push(buffer)
        if flow != Gst.FlowReturn.OK:
            self.link.fail(f"GStreamer answers {flow.value_nick}")

    def flush(self) -> None:
        """Decode what is left."""
        self.flushing = True
        self.pad.push_event(Gst.Event.new_eos())
        self.ended.wait(FLUSH_SECONDS)


def receive(link: Link, output: Output, work: queue.Queue[tuple[bytes, bytes]]) -> None:
    """Receive messages, on a thread of its own, because a frame may wait for its slot."""
    while True:
        kind, content = link.receive()
        if kind == b"R":
            output.release(*SLOT.unpack(content))
        else:
            work.put((kind, content))


def decode(link: Link, options: dict[str, Any]) -> None:
    """Decode until the parent has gone."""
    output = Output(link, options["slots"])
    decoder = Input(link, output, options)
    link.send_json(b"I", element=decoder.decoder, hardware=decoder.in_hardware)
    work: queue.Queue[tuple[bytes, bytes]] = queue.Queue()
    threading.Thread(target=receive, args=(link, output, work), daemon=True).start()
    while True:
        kind, content = work.get()
        if kind == b"P":
            decoder.push(content)
        else:
            decoder.flush()
        link.send(b"D")
