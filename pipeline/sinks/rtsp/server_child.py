"""The server of `?serve=1`, run by the system's Python; it imports nothing of ours.

    python3 server_child.py '{"address": "0.0.0.0", "port": 8554, "socket": PATH}'

It serves RTSP at address and port, and listens at the Unix socket PATH. Each connection to the
socket is one stream: a line of JSON {"path": "/name", "user": "name:password" or null}, which is
answered by a line, "ok" or why not, then access units, each after its length and the monotonic
seconds of its capture (">Id"). The stream ends with its connection, and the process with standard
input. It prints "ready", or an error.

Each path has a server of GStreamer's with its own password, behind one port. The first request of a
viewer tells to which of them its connection belongs. Viewers are not trusted: their number is
limited, and so is what one of them may send.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import re
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterable
from typing import Any, BinaryIO
from urllib.parse import unquote

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstApp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gio, GLib, Gst, GstRtspServer  # noqa: E402

HEADER = struct.Struct(">Id")
MAX_WAITING = 50  # access units in a viewer's pipeline, two seconds of most streams
LAUNCH = (
    "( appsrc name=src is-live=true format=time leaky-type=downstream "
    f"max-buffers={MAX_WAITING} max-bytes=0 max-time=0 "
    "caps=video/x-h264,stream-format=byte-stream,alignment=au "
    "! rtph264pay name=pay0 pt=96 config-interval=-1 )"
)
KEYFRAME = re.compile(rb"\x00\x00\x01[\x05\x25\x45\x65]")  # a slice of one
DIGEST = 2  # the kind of authentication
MAX_VIEWERS = 100
MAX_VIEWERS_OF_ADDRESS = 25  # a single machine cannot keep all others out
MAX_UNIT = 64 << 20  # bytes
MAX_BODY = 1 << 14  # bytes of a request; viewers need none
MAX_LINE = 4096  # bytes of a request before its path is known
HELLO_SECONDS = 10.0  # in which a viewer has to say what it wants
SENT_AT_START, SENT_PER_SECOND = (
    1 << 16,
    1 << 13,
)  # bytes; reports about reception need 100 a second
CHECK_SECONDS = 0.1  # between two looks at what viewers have sent
ESTABLISHED = 1  # of TCP's states
LIBC = ctypes.CDLL(None)
RECEIVED_AT = 128  # tcpi_bytes_received in the kernel's struct tcp_info: 8 bytes
REQUEST = re.compile(rb"([A-Z_]+) +(\S+) +(RTSP|HTTP)/\d\.\d\r?\n")


class Stream(GstRtspServer.RTSPMediaFactory):  # type: ignore[misc]
    """The stream of one connection; one pipeline serves all its viewers."""

    def __init__(self, user: str | None) -> None:
        super().__init__()
        self.set_launch(LAUNCH)
        self.set_shared(True)
        self.plays: list[Play] = []
        self.lock = threading.Lock()
        if user:
            permissions = GstRtspServer.RTSPPermissions.new()
            for right in ("media.factory.access", "media.factory.construct"):
                permissions.add_permission_for_role(user.partition(":")[0], right, True)
            self.set_permissions(permissions)

    def do_configure(self, media: Any) -> None:
        """Add the pipeline of the first viewer."""
        GstRtspServer.RTSPMediaFactory.do_configure(self, media)
        play = Play(media.get_element().get_child_by_name("src"))
        with self.lock:
            self.plays.append(play)
        media.connect("unprepared", lambda _: self.forget(play))

    def forget(self, play: Play) -> None:
        """Remove the pipeline: the last viewer has gone."""
        with self.lock:
            if play in self.plays:
                self.plays.remove(play)

    def send(self, unit: bytes, captured_at: float) -> None:
        """Send an access unit to all viewers."""
        with self.lock:
            for play in self.plays:
                play.push(unit, captured_at)

    def end(self) -> None:
        """Tell all viewers that the stream has ended."""
        with self.lock:
            for play in self.plays:
                play.source.emit("end-of-stream")


class Play:
    """A pipeline with viewers; it starts with a keyframe."""

    def __init__(self, source: Any) -> None:
        self.source = source
        self.started = False
        self.last = -1

    def push(self, unit: bytes, captured_at: float) -> None:
        """Send an access unit with the time of its capture, from which viewers learn the clock."""
        if self.source.get_state(0).state != Gst.State.PLAYING:
            return  # before that, it has no base time
        if not (self.started or KEYFRAME.search(unit)):
            return
        self.started = True
        since_start = int(captured_at * Gst.SECOND) - self.source.get_base_time()
        self.last = max(since_start, self.last + 1, 0)
        buffer = Gst.Buffer.new_wrapped(unit)
        buffer.pts = buffer.dts = self.last
        self.source.emit("push-buffer", buffer)


class Path:
    """GStreamer's server of one stream, with its password."""

    def __init__(self, path: str, user: str | None) -> None:
        self.stream = Stream(user)
        self.server = GstRtspServer.RTSPServer()
        self.server.set_content_length_limit(MAX_BODY)
        self.server.get_mount_points().add_factory(path, self.stream)
        if user:
            self.server.set_auth(authentication(user))

    def end(self) -> None:
        """End the stream for all viewers."""
        self.stream.end()
        self.server.client_filter(lambda *_: GstRtspServer.RTSPFilterResult.REMOVE)


def authentication(user: str) -> Any:
    """Return what lets one user in."""
    name, _, password = user.partition(":")
    auth = GstRtspServer.RTSPAuth.new()
    auth.set_supported_methods(DIGEST)
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", name)
    auth.add_digest(name, password, token)
    return auth


class Server:
    """The streams by their paths, and the connections of viewers to them."""

    def __init__(self) -> None:
        self.paths: dict[str, Path] = {}
        self.viewers: dict[socket.socket, float] = {}  # since when
        self.addresses: dict[socket.socket, str] = {}  # of the viewers
        self.lock = threading.Lock()

    def take(self, connection: socket.socket) -> None:
        """Serve one stream until its connection ends."""
        with connection, connection.makefile("rb") as file:
            greeting = json.loads(file.readline())
            path = Path(greeting["path"], greeting["user"])
            with self.lock:
                free = self.paths.setdefault(greeting["path"], path) is path
            connection.sendall(b"ok\n" if free else b"another stream is served there\n")
            if not free:
                return
            try:
                while (unit := read_unit(file)) is not None:
                    path.stream.send(*unit)
            finally:
                with self.lock:
                    del self.paths[greeting["path"]]
                on_main_loop(path.end)

    def welcome(self, viewer: socket.socket, address: tuple[str, int]) -> None:
        """Find out which stream a viewer wants, and pass its connection on."""
        with self.lock:
            same = list(self.addresses.values()).count(address[0])
            if len(self.viewers) >= MAX_VIEWERS or same >= MAX_VIEWERS_OF_ADDRESS:
                viewer.close()
                return
            self.viewers[viewer], self.addresses[viewer] = time.monotonic(), address[0]
        try:
            path = self.wanted(viewer)
        except OSError:
            path = None
        if path:
            on_main_loop(pass_on, path, viewer, address)
        else:
            self.leave(viewer)

    def wanted(self, viewer: socket.socket) -> Path | None:
        """Return the path of the first request that names one; the request stays unread."""
        until = time.monotonic() + HELLO_SECONDS
        while (request := first_line(viewer, until)) is not None:
            if request[2] == b"*":  # OPTIONS, which some players ask of the server as a whole
                if not answer_options(viewer, until):
                    return None
                continue
            with self.lock:
                found = self.paths.get(served(self.paths, request[2]))
            if found is None:
                number = sequence_number(viewer.recv(MAX_LINE, socket.MSG_PEEK))
                viewer.sendall(b"RTSP/1.0 404 Not Found\r\nCSeq: " + number + b"\r\n\r\n")
            return found
        return None

    def leave(self, viewer: socket.socket) -> None:
        """Close our end of a connection."""
        with self.lock:
            self.viewers.pop(viewer, None)
            self.addresses.pop(viewer, None)
        viewer.close()

    def watch(self) -> None:
        """Close connections that have ended, or whose viewers send too much."""
        while True:
            time.sleep(CHECK_SECONDS)
            with self.lock:
                viewers = list(self.viewers.items())
            for viewer, since in viewers:
                state, received = traffic(viewer)
                allowed = SENT_AT_START + SENT_PER_SECOND * (time.monotonic() - since)
                if received > allowed:
                    cut_off(viewer)
                if state != ESTABLISHED or received > allowed:
                    self.leave(viewer)


def pass_on(path: Path, viewer: socket.socket, address: tuple[str, int]) -> None:
    """Give GStreamer a descriptor of its own; ours is for watching."""
    with contextlib.suppress(GLib.Error, OSError):
        connection = Gio.Socket.new_from_fd(os.dup(viewer.fileno()))
        path.server.transfer_connection(connection, address[0], address[1], None)


def on_main_loop(call: Any, *arguments: Any) -> None:
    """Call it on the thread of the main loop, once."""
    GLib.idle_add(lambda: call(*arguments) and False)


def first_line(viewer: socket.socket, until: float) -> re.Match[bytes] | None:
    """Wait for the first line of a request, without taking it; None if there is none in time."""
    seen = -1
    while (left := until - time.monotonic()) > 0:
        viewer.settimeout(left)
        data = viewer.recv(MAX_LINE, socket.MSG_PEEK)
        if (request := REQUEST.match(data)) or b"\n" in data or len(data) in (0, MAX_LINE):
            return request
        if len(data) == seen:  # peeking does not wait for more
            time.sleep(CHECK_SECONDS)
        seen = len(data)
    return None


def answer_options(viewer: socket.socket, until: float) -> bool:
    """Take a request and answer it; return whether another may follow."""
    while (left := until - time.monotonic()) > 0:
        viewer.settimeout(left)
        data = viewer.recv(MAX_LINE, socket.MSG_PEEK)
        end = data.find(b"\r\n\r\n")
        if end >= 0:
            viewer.recv(end + 4)
            methods = b"Public: OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN\r\n"
            head = b"RTSP/1.0 200 OK\r\nCSeq: " + sequence_number(data) + b"\r\n"
            viewer.sendall(head + methods + b"\r\n")
            return True
        if len(data) in (0, MAX_LINE):
            return False
        time.sleep(CHECK_SECONDS)
    return False


def sequence_number(request: bytes) -> bytes:
    """Return the number of a request, which its answer repeats."""
    found = re.search(rb"\ncseq: *(\d{1,9})\s*\n", request, re.IGNORECASE)
    return found[1] if found else b"0"


def served(paths: Iterable[str], url: bytes) -> str:
    """Return the path of a stream at a URL, or "": the URL may name a part of the stream."""
    named = re.sub(r"^[a-z]+://[^/]*", "", unquote(url.decode("latin-1")), flags=re.IGNORECASE)
    named = named.partition("?")[0]
    fits = (path for path in paths if named == path or named.startswith(path + "/"))
    return max(fits, key=len, default="")


def cut_off(viewer: socket.socket) -> None:
    """Reset a connection, though GStreamer has a descriptor of it and may not be reading.

    It is connected to no address, for which Python has no call.
    """
    LIBC.connect(viewer.fileno(), bytes(16), 16)


def traffic(viewer: socket.socket) -> tuple[int, int]:
    """Return the state of a connection, and how many bytes have arrived on it."""
    try:
        info = viewer.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, RECEIVED_AT + 8)
    except OSError:
        return 0, 0
    received = info[RECEIVED_AT : RECEIVED_AT + 8]  # absent in old kernels: then nothing is limited
    return info[0], int.from_bytes(received, sys.byteorder)


def read_unit(file: BinaryIO) -> tuple[bytes, float] | None:
    """Return the next access unit and its time of capture, None at the end."""
    head = file.read(HEADER.size)
    if len(head) < HEADER.size:
        return None
    size, captured_at = HEADER.unpack(head)
    if size > MAX_UNIT:
        return None
    unit = file.read(size)
    return (unit, captured_at) if len(unit) == size else None


def accept(listener: socket.socket, serve: Any) -> None:
    """Accept connections, each served on its own thread."""
    while True:
        try:
            connection, address = listener.accept()
        except OSError:  # too many open files, or the peer has gone already
            time.sleep(CHECK_SECONDS)
            continue
        start(serve, connection, address)


def start(call: Any, *arguments: Any) -> None:
    """Run it on a thread that the process does not wait for."""
    threading.Thread(target=call, args=arguments, daemon=True).start()


def end_with_standard_input(path: str) -> None:
    """End the process when its parent has ended or closes the pipe.

    path: of the socket; it goes with its folder, since a parent that was killed cannot remove it
    """
    sys.stdin.read()
    with contextlib.suppress(OSError):  # the parent, if it has ended well, was quicker
        os.unlink(path)
        os.rmdir(os.path.dirname(path))
    os._exit(0)


def main() -> None:
    """Serve until standard input ends."""
    options = json.loads(sys.argv[1])
    Gst.init(None)
    server = Server()
    family = socket.AF_INET6 if ":" in options["address"] else socket.AF_INET
    try:
        public = socket.create_server((options["address"], options["port"]), family=family)
    except OSError:
        print("the address is in use, or does not belong to this machine", flush=True)
        return
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(options["socket"])
    listener.listen()
    start(accept, listener, lambda connection, _: server.take(connection))
    start(accept, public, server.welcome)
    start(server.watch)
    start(end_with_standard_input, options["socket"])
    print("ready", flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
