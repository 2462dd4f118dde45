"""A decoder of GStreamer's, run by the system's Python; it imports nothing of ours.

    python3 decoder_child.py SOCKET PARENT
    python3 decoder_child.py

Without arguments it prints JSON: for each codec, FFmpeg's name and the decoders that are here, the
one that is used first. Without GStreamer it prints null.

SOCKET is the number of a connected Unix socket, PARENT the parent's process id. The process ends
with the socket, or with its parent.

A message is its kind, its length (">cI") and its content. The parent sends

    S  JSON, once: {"codec": FFmpeg's name, "lengths": whether NAL units have lengths instead of
       start codes, "headers": the container's, in hexadecimal, "max_pixels": n, "slots": n}
    P  a packet: its time in ns (">Q"), then its bytes
    R  the number of a ring and of a slot in it that is free again (">II")
    F  no more packets follow: give out what is left

and is answered by

    I  JSON, once: {"decoder": name of the element, "hardware": whether it may give frames later}
    M  JSON: the layout of the frames that follow, and with it the descriptor of their memory:
       a ring of slots, each for one frame
    V  a frame: ring, slot, time in ns, whether it is damaged (">IIQ?")
    D  a packet was taken, or everything has been given out
    E  JSON: {"text": why nothing more will come}; the process ends

Decoders in software give a frame before D, those in hardware later. A frame without a free slot
waits for one.
"""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import queue
import select
import socket
import struct
import sys
import threading
from itertools import pairwise
from typing import Any, NoReturn

try:
    import gi

    gi.require_version("Gst", "1.0")
    gi.require_version("GstApp", "1.0")
    gi.require_version("GstVideo", "1.0")
    from gi.repository import Gst, GstVideo
except (ImportError, ValueError):
    Gst = GstVideo = None

HEADER = struct.Struct(">cI")
TIME = struct.Struct(">Q")
SLOT = struct.Struct(">II")
FRAME = struct.Struct(">IIQ?")
CHECK_SECONDS = 1.0  # between two looks whether the parent is still there
FLUSH_SECONDS = 5.0  # that the last frames may take
RANGES = {1: 2, 2: 1}  # GStreamer's numbers of full and limited range -> FFmpeg's

# FFmpeg's name of a codec -> caps, parser, and decoders: hardware first, then what is quickest.
CODECS = {
    "h264": (
        "video/x-h264,alignment=au,stream-format=",
        "h264parse",
        "nvv4l2decoder vah264dec vaapih264dec nvh264dec qsvh264dec v4l2slh264dec v4l2h264dec "
        "avdec_h264 openh264dec",
    ),
    "hevc": (
        "video/x-h265,alignment=au,stream-format=",
        "h265parse",
        "nvv4l2decoder vah265dec vaapih265dec nvh265dec qsvh265dec v4l2slh265dec v4l2h265dec "
        "avdec_h265 libde265dec",
    ),
    "mjpeg": ("image/jpeg", "jpegparse", "nvjpegdec vajpegdec jpegdec avdec_mjpeg"),
    "mpeg4": (
        "video/mpeg,mpegversion=4,systemstream=false",
        "mpeg4videoparse",
        "nvv4l2decoder avdec_mpeg4",
    ),
    "mpeg2video": (
        "video/mpeg,mpegversion=2,systemstream=false",
        "mpegvideoparse",
        "nvv4l2decoder vampeg2dec avdec_mpeg2video mpeg2dec",
    ),
    "vp8": ("video/x-vp8", "", "nvv4l2decoder vavp8dec vp8dec avdec_vp8"),
    "vp9": ("video/x-vp9", "vp9parse", "nvv4l2decoder vavp9dec nvvp9dec qsvvp9dec vp9dec"),
    "av1": (
        "video/x-av1,stream-format=obu-stream,alignment=tu",
        "av1parse",
        "nvv4l2decoder vaav1dec nvav1dec qsvav1dec dav1ddec av1dec avdec_av1",
    ),
}
STREAM_FORMATS = {"h264": ("byte-stream", "avc"), "hevc": ("byte-stream", "hvc1")}
CONVERTERS = {"nvv4l2decoder": "nvvidconv", "nvjpegdec": "nvvidconv"}  # of NVIDIA's own memory
PLAIN_CONVERTER = "videoconvert"  # passes on what needs no conversion
FORMATS = "video/x-raw,format=(string){ NV12, I420 }"
HARDWARE_FORMATS = "video/x-raw,format=NV12"
SETTINGS = {  # of decoders that have them
    "automatic-request-sync-points": False,
    "discard-corrupted-frames": False,
    "enable-max-performance": True,
    "max-errors": -1,  # a damaged stream is no reason to end
    "max-frame-delay": 1,
    "max-threads": 1,
    "n-threads": 1,
    "output-corrupt": True,
    "qos": False,  # nobody plays the frames, so none is late
}


def choices(codec: str, has: Any) -> list[tuple[str, str, str]]:
    """Return the parser, decoder and converter of each way to decode, the best one first.

    has: tells whether there is an element of a name
    """
    _, parser, decoders = CODECS.get(codec, ("", "", ""))
    if parser and not has(parser):
        if codec != "mjpeg":  # its images are whole
            return []
        parser = ""
    found = ((each, CONVERTERS.get(each, PLAIN_CONVERTER)) for each in decoders.split())
    return [
        (parser, decoder, converter)
        for decoder, converter in found
        if has(decoder) and has(converter)
    ]


def caps_of(codec: str, lengths: bool) -> str:
    """Return the caps of packets; lengths: their NAL units have lengths, as in MP4 files."""
    return CODECS[codec][0] + STREAM_FORMATS.get(codec, ("", ""))[lengths]


class Link:
    """The socket to the parent; several threads send."""

    def __init__(self, number: int, parent: int) -> None:
        self.socket = socket.socket(fileno=number)
        self.parent = parent
        self.sending = threading.Lock()
        self.gathered = b""  # messages that go with the next one

    def gather(self, kind: bytes, content: bytes) -> None:
        """Send a message with the next one, which is to follow soon: the parent wakes up once."""
        with self.sending:
            self.gathered += HEADER.pack(kind, len(content)) + content

    def send(self, kind: bytes, content: bytes = b"", descriptor: int | None = None) -> None:
        """Send a message, and a descriptor with it."""
        message = HEADER.pack(kind, len(content)) + content
        with self.sending:
            message, self.gathered = self.gathered + message, b""
            try:
                if descriptor is not None:
                    sent = socket.send_fds(self.socket, [message], [descriptor])
                    message = message[sent:]
                self.socket.sendall(message)
            except OSError:
                os._exit(0)  # the parent has gone

    def send_json(self, kind: bytes, descriptor: int | None = None, **content: object) -> None:
        """Send a message in JSON."""
        self.send(kind, json.dumps(content).encode(), descriptor)

    def fail(self, text: str) -> NoReturn:
        """Say why nothing more will come, and end."""
        self.send_json(b"E", text=text)
        os._exit(1)

    def receive(self) -> tuple[bytes, bytes]:
        """Return the next message; its end is that of the process."""
        kind, size = HEADER.unpack(self.read(HEADER.size))
        return kind, self.read(size)

    def read(self, size: int) -> bytes:
        """Return so many bytes."""
        content = bytearray()
        while len(content) < size:
            while not select.select([self.socket], [], [], CHECK_SECONDS)[0]:
                if os.getppid() != self.parent:
                    os._exit(0)
            try:
                more = self.socket.recv(size - len(content))
            except OSError:
                more = b""
            if not more:
                os._exit(0)
            content += more
        return bytes(content)


class Ring:
    """Memory for the frames of one layout, which the parent maps as well.

    The lowest free slot is taken, so that no more memory is used than is needed.
    """

    def __init__(self, number: int, size: int, slots: int) -> None:
        self.number = number
        self.frame = size
        self.size = -(-size // mmap.PAGESIZE) * mmap.PAGESIZE
        self.free = set(range(slots))
        self.changed = threading.Condition()
        self.descriptor = os.memfd_create("framelane-frames", os.MFD_CLOEXEC)
        os.ftruncate(self.descriptor, self.size * slots)
        self.memory = mmap.mmap(self.descriptor, self.size * slots)
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))

    def take(self) -> int:
        """Wait for a free slot and return it."""
        with self.changed:
            self.changed.wait_for(lambda: self.free)
            slot = min(self.free)
            self.free.remove(slot)
            return slot

    def release(self, slot: int) -> None:
        """Note that the parent has done with a slot."""
        with self.changed:
            self.free.add(slot)
            self.changed.notify()

    def close(self) -> None:
        """Give back our view of the memory; the parent keeps its own."""
        self.memory.close()
        os.close(self.descriptor)


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
                self.open(elements[0].get_static_pad("sink"), caps)
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
        for name, value in (("emit-signals", True), ("sync", False), ("async", False)):
            sink.set_property(name, value)
        sink.connect("new-sample", self.output.take)
        sink.connect("eos", lambda _: self.ended.set())
        pad = decoder.get_static_pad("sink")
        pad.add_probe(Gst.PadProbeType.EVENT_DOWNSTREAM, self.look_at_caps)
        self.pipeline.get_bus().set_sync_handler(self.look_at_message)
        started = self.pipeline.set_state(Gst.State.PLAYING)
        return bool(started != Gst.StateChangeReturn.FAILURE)

    def open(self, entry: Any, caps: Any) -> None:
        """Begin the stream of packets."""
        self.pad = Gst.Pad.new("packets", Gst.PadDirection.SRC)
        self.pad.set_active(True)
        self.pad.link(entry)
        segment = Gst.Segment()
        segment.init(Gst.Format.TIME)
        self.pad.push_event(Gst.Event.new_stream_start("packets"))
        self.pad.push_event(Gst.Event.new_caps(caps))
        self.pad.push_event(Gst.Event.new_segment(segment))

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


def found() -> dict[str, list[str]] | None:
    """Return the decoders of each codec that are here, None without GStreamer."""
    if Gst is None:
        return None
    Gst.init(None)
    find = Gst.ElementFactory.find
    return {codec: [decoder for _, decoder, _ in choices(codec, find)] for codec in CODECS}


def main() -> None:
    """Decode until the parent has gone."""
    link = Link(int(sys.argv[1]), int(sys.argv[2]))
    if Gst is None:
        link.fail("the system's Python has no bindings of GStreamer")
    Gst.init(None)
    _, content = link.receive()
    options = json.loads(content)
    output = Output(link, options["slots"])
    decoder = Input(link, output, options)
    link.send_json(b"I", decoder=decoder.decoder, hardware=decoder.in_hardware)
    work: queue.Queue[tuple[bytes, bytes]] = queue.Queue()
    threading.Thread(target=receive, args=(link, output, work), daemon=True).start()
    while True:
        kind, content = work.get()
        if kind == b"P":
            decoder.push(content)
        else:
            decoder.flush()
        link.send(b"D")


if __name__ == "__main__":
    if len(sys.argv) == 1:
        print(json.dumps(found()))
    else:
        main()
