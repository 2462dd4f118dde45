"""Cameras and receivers for tests: GStreamer's RTSP server, under the system's Python.

Run as `/usr/bin/python3 rtsp_server.py '{"port": 0, "cameras": {...}, "receivers": {...}}'`. It
imports nothing of ours, prints a line of JSON for each event, and reads commands, one line of JSON
each.

cameras: name -> {"clip": file of access units, "codec": "h264" or "h265", "fps": n, "audio": a key
    of AUDIO or absent, "headers": false to announce no parameter sets, "user": "name:password" or
    absent}; if one camera has a user, all of them need one
receivers: name -> file to which the pushed access units are appended, with their arrival
commands: {"camera": name, "clip": file} | {"camera": name, "garbage": true or false} |
    {"camera": name, "paused": true or false} | {"camera": name, "silent": true or false}
A file has, for each access unit: length, whether it is a keyframe, a number (">IBd"), and the
bytes. The number is, in a clip, by how many frames it is shown later than it is sent, beyond the
constant delay of reordering; in a receiver's file, the seconds of its arrival.
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

HEADER = struct.Struct(">IBd")
CAPS = "video/x-h264,stream-format=byte-stream,alignment=au"
VIDEO = "appsrc name=src is-live=true format=time caps=" + CAPS.replace("h264", "{codec}")
PAY = {
    True: "rtp{codec}pay name=pay0 pt=96 config-interval=-1",
    False: "rtp{codec}pay name=pay0 pt=96 config-interval=0 sprop-parameter-sets=,",
}
SOUND = "appsrc name=sound is-live=true format=time caps=audio"
CHUNK = 0.02  # seconds of sound in a buffer
AUDIO = {  # samples per second, bytes per sample, elements
    "aac": (
        16000,
        2,
        "/x-raw,format=S16LE,layout=interleaved,rate=16000,channels=1 "
        "! voaacenc ! aacparse ! rtpmp4gpay name=pay1 pt=97",
    ),
    "mulaw": (8000, 1, "/x-mulaw,rate=8000,channels=1 ! rtppcmupay name=pay1 pt=0"),
    "l16": (
        16000,
        2,
        "/x-raw,format=S16BE,layout=interleaved,rate=16000,channels=1 ! rtpL16pay name=pay1 pt=97",
    ),
}
SINK = f"( rtph264depay name=depay0 ! {CAPS} ! appsink name=sink emit-signals=true sync=false )"


def send(**message: object) -> None:
    """Print a message in one write, because several threads do."""
    os.write(sys.stdout.fileno(), json.dumps(message).encode() + b"\n")


def units(path: str) -> list[tuple[bytes, float]]:
    with open(path, "rb") as file:
        content, at, found = file.read(), 0, []
    while at < len(content):
        size, _, ahead = HEADER.unpack_from(content, at)
        at += HEADER.size
        found.append((content[at : at + size], ahead))
        at += size
    return found


def sound(number: int, size: int) -> bytes:
    """Return the samples of a chunk, which differ from those of its neighbours."""
    return bytes((number * 7 + place * 3) % 251 for place in range(size))


def garbled(unit: bytes) -> bytes:
    """Keep the start code and the type of the first NAL unit, and replace the rest by noise."""
    return unit[:5] + os.urandom(max(200, len(unit)))


class Camera(GstRtspServer.RTSPMediaFactory):  # type: ignore[misc]
    """One clip, played in a loop at its frame rate, from the start when the first client comes."""

    def __init__(
        self,
        name: str,
        clip: str,
        codec: str = "h264",
        fps: int = 25,
        audio: str | None = None,
        headers: bool = True,
        user: str | None = None,
    ) -> None:
        super().__init__()
        self.name, self.fps = name, fps
        self.units = units(clip)
        self.audio = AUDIO[audio] if audio else None
        self.garbage = self.paused = self.silent = False
        self.set_shared(True)
        video = f"{VIDEO} ! {PAY[headers]}".format(codec=codec)
        self.set_launch(f"( {video} {SOUND + AUDIO[audio][2] if audio else ''} )")
        if user:
            self.permit()

    def permit(self) -> None:
        role = GstRtspServer.RTSPPermissions.new()
        role.add_permission_for_role("viewer", "media.factory.access", True)
        role.add_permission_for_role("viewer", "media.factory.construct", True)
        self.set_permissions(role)

    def do_configure(self, media: Any) -> None:
        GstRtspServer.RTSPMediaFactory.do_configure(self, media)
        element = media.get_element()
        play = Play(self, element.get_child_by_name("src"), element.get_child_by_name("sound"))
        media.connect("unprepared", lambda _: play.stop())
        GLib.timeout_add(4, play.push_due_units)


class Play:
    """One run of a clip: frame k is due k intervals after the first."""

    def __init__(self, camera: Camera, source: Any, sound: Any) -> None:
        self.camera, self.source, self.sound = camera, source, sound
        self.count, self.sounds, self.running = 0, 0, True
        self.began_at: float | None = None

    def stop(self) -> None:
        self.running = False

    def push_due_units(self) -> bool:
        now = time.monotonic()
        if self.began_at is None:
            if self.source.get_state(0).state != Gst.State.PLAYING:
                return self.running  # before that, it may have a clock but has no base time
            self.began_at = now
            self.running_time = self.source.get_clock().get_time() - self.source.get_base_time()
            send(camera=self.camera.name, began_at=now)
        while self.running and self.count / self.camera.fps <= now - self.began_at:
            if not self.camera.paused:
                self.push()
            self.count += 1
        while self.sound and self.running and self.sounds * CHUNK <= now - self.began_at:
            if not self.camera.silent:
                self.push_sound()
            self.sounds += 1
        return self.running

    def push_sound(self) -> None:
        rate, width, _ = self.camera.audio or AUDIO["l16"]
        content = sound(self.sounds, round(rate * CHUNK) * width)
        buffer = Gst.Buffer.new_wrapped(content)
        buffer.duration = round(CHUNK * Gst.SECOND)
        buffer.pts = buffer.dts = self.running_time + self.sounds * buffer.duration
        self.sound.emit("push-buffer", buffer)

    def push(self) -> None:
        camera = self.camera
        unit, ahead = camera.units[self.count % len(camera.units)]
        buffer = Gst.Buffer.new_wrapped(garbled(unit) if camera.garbage else unit)
        interval = Gst.SECOND // camera.fps
        reordered = round((ahead - min(each for _, each in camera.units)) * interval)
        buffer.dts = self.running_time + self.count * Gst.SECOND // camera.fps
        buffer.pts = buffer.dts + reordered
        buffer.duration = interval
        self.source.emit("push-buffer", buffer)


class Receiver(GstRtspServer.RTSPMediaFactory):  # type: ignore[misc]
    """Accepts a pushed stream, and writes it to a file."""

    def __init__(self, name: str, path: str) -> None:
        super().__init__()
        self.name, self.path = name, path
        self.set_transport_mode(GstRtspServer.RTSPTransportMode.RECORD)
        self.set_latency(0)
        self.set_launch(SINK)

    def do_configure(self, media: Any) -> None:
        GstRtspServer.RTSPMediaFactory.do_configure(self, media)
        sink = media.get_element().get_child_by_name("sink")
        sink.connect("new-sample", self.write)
        send(receiver=self.name, began_at=time.monotonic())

    def write(self, sink: Any) -> Any:
        now, buffer = time.monotonic(), sink.emit("pull-sample").get_buffer()
        unit = buffer.extract_dup(0, buffer.get_size())
        with open(self.path, "ab") as file:
            file.write(HEADER.pack(len(unit), 0, now) + unit)
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
    send(port=server.get_bound_port())
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


def run_commands(cameras: dict[str, Camera]) -> None:
    """Read commands, on a thread of its own; the end of the input ends the process."""
    for line in sys.stdin:
        command = json.loads(line)
        camera = cameras[command.pop("camera")]
        if "clip" in command:
            camera.units = units(command["clip"])
        for key in ("garbage", "paused", "silent"):
            setattr(camera, key, command.get(key, getattr(camera, key)))
        send(done=command)
    os._exit(0)


if __name__ == "__main__":
    Gst.init(None)
    options = json.loads(sys.argv[1])
    cameras = serve(options["port"], options.get("cameras", {}), options.get("receivers", {}))
    threading.Thread(target=run_commands, args=(cameras,), daemon=True).start()
    GLib.MainLoop().run()
