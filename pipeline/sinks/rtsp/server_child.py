"""The server of `?serve=1`, run by the system's Python; it imports nothing of ours.

    python3 server_child.py '{"address": "0.0.0.0", "port": 8554, "socket": PATH}'

It serves RTSP at address and port, and listens at the Unix socket PATH. Each connection to the
socket is one stream: a line of JSON {"path": "/name", "user": "name:password" or null}, then access
units, each after its length and the monotonic seconds of its capture (">Id"). The stream ends with
its connection, and the process with standard input. It prints "ready", or an error.
"""

from __future__ import annotations

import json
import os
import re
import socket
import struct
import sys
import threading
from typing import Any, BinaryIO

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstApp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

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


class Server:
    """GStreamer's server and its streams."""

    def __init__(self, address: str, port: int) -> None:
        self.server = GstRtspServer.RTSPServer()
        self.server.set_address(address)
        self.server.set_service(str(port))
        self.auth: Any = None

    def attach(self) -> bool:
        """Start serving; return whether the port was free."""
        return bool(self.server.attach(None))

    def permit(self, user: str) -> None:
        """Let a user in; from now on the server asks for a password."""
        if self.auth is None:
            self.auth = GstRtspServer.RTSPAuth.new()
            self.auth.set_supported_methods(DIGEST)
            self.server.set_auth(self.auth)
        name, _, password = user.partition(":")
        token = GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", name)
        self.auth.add_digest(name, password, token)

    def take(self, connection: socket.socket) -> None:
        """Serve one stream until its connection ends."""
        with connection, connection.makefile("rb") as file:
            greeting = json.loads(file.readline())
            if greeting["user"]:
                self.permit(greeting["user"])
            stream, mounts = Stream(greeting["user"]), self.server.get_mount_points()
            mounts.add_factory(greeting["path"], stream)
            while (unit := read_unit(file)) is not None:
                stream.send(*unit)
            mounts.remove_factory(greeting["path"])
            stream.end()


def read_unit(file: BinaryIO) -> tuple[bytes, float] | None:
    """Return the next access unit and its time of capture, None at the end."""
    head = file.read(HEADER.size)
    if len(head) < HEADER.size:
        return None
    size, captured_at = HEADER.unpack(head)
    unit = file.read(size)
    return (unit, captured_at) if len(unit) == size else None


def listen(listener: socket.socket, server: Server) -> None:
    """Accept connections, each served on its own thread."""
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=server.take, args=(connection,), daemon=True).start()


def end_with_standard_input() -> None:
    """End the process when its parent has ended or closes the pipe."""
    sys.stdin.read()
    os._exit(0)


def main() -> None:
    """Serve until standard input ends."""
    options = json.loads(sys.argv[1])
    Gst.init(None)
    server = Server(options["address"], options["port"])
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(options["socket"])
    listener.listen()
    if not server.attach():
        print("the address is in use, or does not belong to this machine", flush=True)
        return
    threading.Thread(target=listen, args=(listener, server), daemon=True).start()
    threading.Thread(target=end_with_standard_input, daemon=True).start()
    print("ready", flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
