"""A camera and a receiver for tests: GStreamer's RTSP server, under the system's Python.

Run as `/usr/bin/python3 rtsp_server.py '{"port": 0, "cameras": {...}, "receivers": {...}}'`. It
imports nothing of ours, prints a JSON line for whatever happens, and reads commands, one JSON per
line.

cameras: name -> {"clip": file of access units, "fps": n, "user": "name:password" or none};
    where one has a user, all of them need one
receivers: name -> file that the access units which are pushed are appended to, with their arrival
commands: {"camera": name, "clip": file} | {"camera": name, "garbage": true} |
    {"camera": name, "paused": true or false}
A file of access units: length, whether it is a key picture, seconds (">IBd"), then the bytes.
"""

from __future__ import annotations

import json
import os
import struct
import sys
import threading
import time
from typing import Any

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstApp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

HEAD = struct.Struct(">IBd")
CAPS = "video/x-h264,stream-format=byte-stream,alignment=au"
SOURCE = (
    f"( appsrc name=src is-live=true format=time caps={CAPS} "
    "! rtph264pay name=pay0 pt=96 config-interval=-1 )"
)
SINK = f"( rtph264depay name=depay0 ! {CAPS} ! appsink name=sink emit-signals=true sync=false )"


def say(**words: object) -> None:
    """Print a line in one piece: several threads do."""
    os.write(sys.stdout.fileno(), json.dumps(words).encode() + b"\n")


def units(path: str) -> list[bytes]:
    with open(path, "rb") as file:
        content, at, found = file.read(), 0, []
    while at < len(content):
        size, _, _ = HEAD.unpack_from(content, at)
        at += HEAD.size
        found.append(content[at : at + size])
        at += size
    return found


def spoilt(unit: bytes) -> bytes:
    """Keep the start code and the type of the first unit; what follows is noise."""
    return unit[:5] + os.urandom(max(200, len(unit)))


class Camera(GstRtspServer.RTSPMediaFactory):  # type: ignore[misc]
    """One clip, played in a loop from its beginning for whoever comes first, at its rate."""

    def __init__(self, name: str, clip: str, fps: int = 25, user: str | None = None) -> None:
        super().__init__()
        self.name, self.fps = name, fps
        self.units = units(clip)
        self.garbage = self.paused = False
        self.set_shared(True)
        self.set_launch(SOURCE)
        if user:
            self.permit()

    def permit(self) -> None:
        role = GstRtspServer.RTSPPermissions.new()
        role.add_permission_for_role("viewer", "media.factory.access", True)
        role.add_permission_for_role("viewer", "media.factory.construct", True)
        self.set_permissions(role)

    def do_configure(self, media: Any) -> None:
        GstRtspServer.RTSPMediaFactory.do_configure(self, media)
        play = Play(self, media.get_element().get_child_by_name("src"))
        media.connect("unprepared", lambda _: play.stop())
        GLib.timeout_add(4, play.push_what_is_due)


class Play:
    """One run of a clip: picture k is due k intervals after the first."""

    def __init__(self, camera: Camera, source: Any) -> None:
        self.camera, self.source = camera, source
        self.count, self.running = 0, True
        self.began_at: float | None = None

    def stop(self) -> None:
        self.running = False

    def push_what_is_due(self) -> bool:
        now = time.monotonic()
        if self.began_at is None:
            if self.source.get_state(0).state != Gst.State.PLAYING:
                return self.running  # before, it may have a clock, but no time that it began at
            self.began_at = now
            self.running_time = self.source.get_clock().get_time() - self.source.get_base_time()
            say(camera=self.camera.name, began_at=now)
        while self.running and self.count / self.camera.fps <= now - self.began_at:
            if not self.camera.paused:
                self.push()
            self.count += 1
        return self.running

    def push(self) -> None:
        camera = self.camera
        unit = camera.units[self.count % len(camera.units)]
        buffer = Gst.Buffer.new_wrapped(spoilt(unit) if camera.garbage else unit)
        buffer.pts = buffer.dts = self.running_time + self.count * Gst.SECOND // camera.fps
        buffer.duration = Gst.SECOND // camera.fps
        self.source.emit("push-buffer", buffer)


class Receiver(GstRtspServer.RTSPMediaFactory):  # type: ignore[misc]
    """Takes what is pushed, and writes it down."""

    def __init__(self, name: str, path: str) -> None:
        super().__init__()
        self.name, self.path = name, path
        self.set_transport_mode(GstRtspServer.RTSPTransportMode.RECORD)
        self.set_latency(0)
        self.set_launch(SINK)

    def do_configure(self, media: Any) -> None:
        GstRtspServer.RTSPMediaFactory.do_configure(self, media)
        sink = media.get_element().get_child_by_name("sink")
        sink.connect("new-sample", self.write_down)
        say(receiver=self.name, began_at=time.monotonic())

    def write_down(self, sink: Any) -> Any:
        now, buffer = time.monotonic(), sink.emit("pull-sample").get_buffer()
        unit = buffer.extract_dup(0, buffer.get_size())
        with open(self.path, "ab") as file:
            file.write(HEAD.pack(len(unit), 0, now) + unit)
        return Gst.FlowReturn.OK


def serve(port: int, cameras: dict[str, Any], receivers: dict[str, str]) -> dict[str, Camera]:
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(str(port))
    made = {name: Camera(name, **options) for name, options in cameras.items()}
    for name, factory in made.items():
        server.get_mount_points().add_factory(f"/{name}", factory)
    for name, path in receivers.items():
        server.get_mount_points().add_factory(f"/{name}", Receiver(name, path))
    users = [options["user"] for options in cameras.values() if options.get("user")]
    if users:
        server.set_auth(authentication(users))
    server.attach(None)
    say(port=server.get_bound_port())
    return made


def authentication(users: list[str]) -> Any:
    auth = GstRtspServer.RTSPAuth.new()
    auth.set_supported_methods(2)  # digest
    for user in users:
        name, _, password = user.partition(":")
        token = GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", "viewer")
        auth.add_digest(name, password, token)
    return auth


def obey(cameras: dict[str, Camera]) -> None:
    """Read commands, on a thread of its own; the end of them ends the process."""
    for line in sys.stdin:
        command = json.loads(line)
        camera = cameras[command.pop("camera")]
        if "clip" in command:
            camera.units = units(command["clip"])
        for key in ("garbage", "paused"):
            setattr(camera, key, command.get(key, getattr(camera, key)))
        say(done=command)
    os._exit(0)


if __name__ == "__main__":
    Gst.init(None)
    options = json.loads(sys.argv[1])
    cameras = serve(options["port"], options.get("cameras", {}), options.get("receivers", {}))
    threading.Thread(target=obey, args=(cameras,), daemon=True).start()
    GLib.MainLoop().run()
