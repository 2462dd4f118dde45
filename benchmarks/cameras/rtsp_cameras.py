"""Cheap cameras: RTP payloads prepared by GStreamer, sent over RTSP by one thread.

Run as `/usr/bin/python3 rtsp_cameras.py CLIP FPS [CLIP FPS ...]`, where CLIP is a file of access
units (see tests/support/rtsp_server.py) and FPS a number or a fraction, such as 25/2.
`rtsp://127.0.0.1:PORT/K/N` is a camera that plays clip K (from 0) in a loop from access unit N, a
keyframe. It prints its port, and ends with its input.

GStreamer's RTSP server takes about a hundredth of a core for each camera, which would be part
of what is measured; this takes a quarter of that. It knows what FFmpeg asks: RTP over TCP.
"""

from __future__ import annotations

import heapq
import selectors
import socket
import struct
import sys
import time
from fractions import Fraction
from typing import Any

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

HEADER = struct.Struct(">IBd")
STAMP = struct.Struct(">HI")  # sequence number and time of an RTP packet, from its byte 2
CLOCK = 90_000  # of RTP, ticks per second
PAY = (
    "appsrc name=src format=time caps=video/x-h264,stream-format=byte-stream,alignment=au "
    "! rtph264pay config-interval=-1 pt=96 ! appsink name=sink sync=false"
)
SDP = (
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n"
    "c=IN IP4 0.0.0.0\r\na=rtpmap:96 H264/90000\r\na=control:video\r\n"
    "a=fmtp:96 packetization-mode=1;sprop-parameter-sets={sets}\r\n"
)


class Clip:
    """The access units as what is sent.

    interval: seconds from one frame to the next
    frames: the packets of each, with their RTSP headers, and where in them the stamps are
    sets: parameter sets, as SDP has them
    """

    def __init__(self, path: str, fps: str) -> None:
        self.interval = float(1 / Fraction(fps))
        self.frames: list[tuple[bytes, list[int]]] = []
        self.sets = ""
        for packets in self._packets(path):
            content, places = bytearray(), []
            for packet in packets:
                content += struct.pack(">cBH", b"$", 0, len(packet))
                places.append(len(content) + 2)
                content += packet
            self.frames.append((bytes(content), places))

    def _packets(self, path: str) -> list[list[bytes]]:
        """Return the RTP packets of each access unit, as GStreamer's payloader makes them."""
        pipeline = Gst.parse_launch(PAY)
        source, sink = (pipeline.get_by_name(name) for name in ("src", "sink"))
        pipeline.set_state(Gst.State.PLAYING)
        count = 0
        for count, unit in enumerate(units(path), 1):
            buffer = Gst.Buffer.new_wrapped(unit)
            buffer.pts = buffer.dts = round((count - 1) * self.interval * Gst.SECOND)
            source.emit("push-buffer", buffer)
        source.emit("end-of-stream")
        found: list[list[bytes]] = [[] for _ in range(count)]
        while (sample := sink.emit("pull-sample")) is not None:
            self.sets = sample.get_caps().get_structure(0).get_string("sprop-parameter-sets")
            buffer = sample.get_buffer()
            place = round(buffer.pts / Gst.SECOND / self.interval)
            found[place].append(buffer.extract_dup(0, buffer.get_size()))
        pipeline.set_state(Gst.State.NULL)
        return found


def units(path: str) -> list[bytes]:
    with open(path, "rb") as file:
        content, at, found = file.read(), 0, []
    while at < len(content):
        size, _, _ = HEADER.unpack_from(content, at)
        at += HEADER.size
        found.append(content[at : at + size])
        at += size
    return found


class Viewer:
    """A connection, and the camera that it watches."""

    def __init__(self, connection: socket.socket, clips: list[Clip]) -> None:
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connection, self.clips, self.clip = connection, clips, clips[0]
        self.asked, self.unsent = bytearray(), bytearray()
        self.first = self.count = self.number = 0
        self.playing_since: float | None = None

    @property
    def due(self) -> float:
        """When the next frame is to be sent."""
        assert self.playing_since is not None
        return self.playing_since + self.count * self.clip.interval

    def read(self) -> bool:
        """Answer what is asked; return whether the connection lives."""
        try:
            received = self.connection.recv(65536)
        except OSError:
            return False
        self.asked += received
        while self.asked[:1] == b"$" and len(self.asked) >= 4:  # a report of the receiver
            del self.asked[: 4 + int.from_bytes(self.asked[2:4], "big")]
        while b"\r\n\r\n" in self.asked:
            request, _, rest = bytes(self.asked).partition(b"\r\n\r\n")
            self.asked = bytearray(rest)
            self.answer(request.decode())
        return bool(received)

    def answer(self, request: str) -> None:
        lines = request.split("\r\n")
        method, url = lines[0].split()[:2]
        fields = dict(line.split(": ", 1) for line in lines[1:])
        more, body = {"Session": "1"}, ""
        if method == "OPTIONS":
            more = {"Public": "OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, TEARDOWN"}
        elif method == "DESCRIBE":
            clip, self.first = (int(part) for part in url.rstrip("/").split("/")[-2:])
            self.clip = self.clips[clip]
            body = SDP.format(sets=self.clip.sets)
            more = {"Content-Type": "application/sdp", "Content-Base": f"{url}/"}
        elif method == "SETUP":
            more["Transport"] = fields["Transport"]
        elif method == "PLAY":
            more |= {"RTP-Info": f"url={url.rstrip('/')}/video;seq=0;rtptime=0", "Range": "npt=0-"}
        head = "".join(f"{name}: {value}\r\n" for name, value in more.items())
        size = f"Content-Length: {len(body)}\r\n" if body else ""
        self.send(f"RTSP/1.0 200 OK\r\nCSeq: {fields['CSeq']}\r\n{head}{size}\r\n{body}".encode())
        if method == "PLAY":
            self.playing_since = time.monotonic()

    def send_frame(self) -> None:
        content, places = self.clip.frames[(self.first + self.count) % len(self.clip.frames)]
        stamped = bytearray(content)
        ticks = round(self.count * self.clip.interval * CLOCK) % 2**32
        for place in places:
            STAMP.pack_into(stamped, place, self.number, ticks)
            self.number = (self.number + 1) % 2**16
        self.count += 1
        self.send(stamped)

    def send(self, content: bytes | bytearray) -> None:
        """Send what the connection takes, and keep the rest for the next frame."""
        self.unsent += content
        try:
            del self.unsent[: self.connection.send(self.unsent)]
        except OSError:
            return  # full, or gone: then reading says so


def serve(clips: list[Clip]) -> None:
    """Serve until the input ends."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=200)
    print(listener.getsockname()[1], flush=True)
    ready: Any = selectors.DefaultSelector()
    ready.register(sys.stdin, selectors.EVENT_READ)
    ready.register(listener, selectors.EVENT_READ)
    due: list[tuple[float, int, Viewer]] = []
    gone: set[int] = set()
    while True:
        wait = max(0.0, due[0][0] - time.monotonic()) if due else None
        for key, _ in ready.select(wait):
            if key.fileobj is sys.stdin:
                return
            if key.fileobj is listener:
                viewer = Viewer(listener.accept()[0], clips)
                ready.register(viewer.connection, selectors.EVENT_READ, viewer)
                continue
            viewer = key.data
            began = viewer.playing_since
            if not viewer.read():
                ready.unregister(viewer.connection)
                viewer.connection.close()
                gone.add(id(viewer))
            elif began is None and viewer.playing_since is not None:
                heapq.heappush(due, (viewer.due, id(viewer), viewer))
        while due and due[0][0] <= time.monotonic():
            _, identity, viewer = heapq.heappop(due)
            if identity in gone:
                gone.remove(identity)
                continue
            viewer.send_frame()
            heapq.heappush(due, (viewer.due, identity, viewer))


if __name__ == "__main__":
    Gst.init(None)
    serve([Clip(*each) for each in zip(sys.argv[1::2], sys.argv[2::2], strict=True)])
