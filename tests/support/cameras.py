"""Cameras for tests: real RTSP servers in child processes, and the clips that they send."""

from __future__ import annotations

import json
import signal
import struct
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from threading import Condition, Thread
from time import monotonic
from typing import Any

import av
import cv2
import numpy as np

from detector.detections import UInt8Array
from pipeline.gstreamer.system_python import SYSTEM_PYTHON
from pipeline.sinks.rtsp.server import PACKAGES, has_server
from pipeline.sources.street.frame_counter import draw_counter, read_counter
from tests.support.environment import absent
from tests.support.paths import ROOT

CAP = 60.0  # seconds that a test waits for another process at most
FPS = 25
GOP = 10  # frames: a test does not wait long for a keyframe
SIZE = (512, 64)  # pixels, width and height: room for the counter, and quickly encoded
HEADER = struct.Struct(">IBd")  # of an access unit in a file, see rtsp_server.py


def require_gstreamer() -> None:
    """Skip visibly if there is no RTSP server; fail if REQUIRE_GSTREAMER=1."""
    if not has_server():
        absent(
            f"no GStreamer RTSP server: install the Debian packages {PACKAGES}", "REQUIRE_GSTREAMER"
        )


def numbered_frame(index: int, size: tuple[int, int] = SIZE) -> UInt8Array:
    """Return a grey BGR frame with its number and a moving rectangle; size: width, height."""
    width, height = size
    bgr = np.full((height, width, 3), 90, np.uint8)
    left = index * 5 % (width - 40)
    cv2.rectangle(bgr, (left, 20), (left + 40, height - 8), (200, 160, 40), cv2.FILLED)
    draw_counter(bgr, index)
    return bgr


def numbered(size: tuple[int, int] = SIZE, frames: int = 100) -> Iterator[UInt8Array]:
    """Yield numbered frames, starting at 0."""
    return (numbered_frame(index, size) for index in range(frames))


def write_units(
    path: Path,
    frames: Iterable[UInt8Array],
    gop: int = GOP,
    bframes: int = 0,
    codec: str = "libx264",
    fps: Fraction = Fraction(FPS),
) -> Path:
    """Write a clip as the access units that a camera sends; gop: frames between keyframes."""
    with path.open("wb") as file:
        packets = encoded(frames, codec, gop=gop, bframes=bframes, fps=fps)
        for place, packet in enumerate(packets):
            unit, ahead = bytes(packet), float(packet.pts - place)
            file.write(HEADER.pack(len(unit), packet.is_keyframe, ahead) + unit)
    return path


def encoded(
    frames: Iterable[UInt8Array],
    codec: str = "libx264",
    *,
    gop: int = GOP,
    bframes: int = 0,
    fps: Fraction = Fraction(FPS),
) -> Iterator[Any]:
    """Yield the packets of a clip of these frames, all of one size; pts counts frames."""
    encoder: Any = av.CodecContext.create(codec, "w")
    encoder.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    encoder.thread_count = 1  # one slice per frame: GStreamer repeats headers before each slice
    encoder.time_base, encoder.framerate = 1 / fps, fps
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "g": str(gop), "bf": "0"}
    if bframes:
        reordering = {"bf": str(bframes), "b_strategy": "0", "b-pyramid": "normal"}
        encoder.options = {"preset": "superfast", "g": str(gop), **reordering}
    if codec == "libx265":
        hevc = f"keyint={gop}:min-keyint={gop}:bframes={bframes}:repeat-headers=1:log-level=none"
        encoder.options = {"preset": "ultrafast", "x265-params": f"{hevc}:open-gop=0"}
    for index, bgr in enumerate(frames):
        if not encoder.is_open:
            encoder.height, encoder.width = bgr.shape[:2]
        frame = av.VideoFrame.from_ndarray(bgr, format="bgr24")
        frame.pts = index
        yield from encoder.encode(frame)
    yield from encoder.encode(None)


def read_units(path: Path) -> list[tuple[float, bytes]]:
    """Return the access units that a receiver has written, with their seconds of arrival."""
    content, at, found = path.read_bytes() if path.exists() else b"", 0, []
    while at + HEADER.size <= len(content):
        size, _, arrived_at = HEADER.unpack_from(content, at)
        at += HEADER.size
        if at + size > len(content):
            break  # it is still being written
        found.append((arrived_at, content[at : at + size]))
        at += size
    return found


def numbers_in(units: list[tuple[float, bytes]]) -> list[int | None]:
    """Decode access units, and return the numbers in their frames."""
    decoder: Any = av.CodecContext.create("h264", "r")
    decoder.flags |= 0x80000  # low delay
    frames = [frame for _, unit in units for frame in decoder.decode(av.Packet(unit))]
    return [read_counter(np.asarray(f.to_ndarray(format="bgr24"), np.uint8)) for f in frames]


class Server:
    """GStreamer's RTSP server in a child process, on the loopback address.

    cameras, receivers: see rtsp_server.py
    """

    def __init__(
        self,
        cameras: Mapping[str, Mapping[str, Any]] | None = None,
        receivers: Mapping[str, Path] | None = None,
        port: int = 0,
    ) -> None:
        self._options = {
            "cameras": {
                name: {key: str(v) if isinstance(v, Path) else v for key, v in options.items()}
                for name, options in (cameras or {}).items()
            },
            "receivers": {name: str(path) for name, path in (receivers or {}).items()},
        }
        self._changed = Condition()
        self.messages: list[dict[str, Any]] = []  # from the process, not yet waited for
        self.port = port
        self.start()

    def start(self) -> None:
        """Start it, on the same port as before."""
        script, options = ROOT / "tests/support/rtsp_server.py", self._options | {"port": self.port}
        self.process = subprocess.Popen(
            [SYSTEM_PYTHON, str(script), json.dumps(options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._listener = Thread(target=self._listen, args=(self.process,))
        self._listener.start()
        self.port = self.wait_for("port")["port"]

    def url(self, name: str, user: str = "") -> str:
        """Return the URL of a camera or receiver."""
        return f"rtsp://{user + '@' if user else ''}127.0.0.1:{self.port}/{name}"

    def tell(self, camera: str, **command: Any) -> None:
        """Send a command, and wait until it is carried out."""
        plain = {key: str(v) if isinstance(v, Path) else v for key, v in command.items()}
        assert self.process.stdin
        self.process.stdin.write(json.dumps({"camera": camera} | plain) + "\n")
        self.process.stdin.flush()
        self.wait_for("done")

    def wait_for(self, key: str) -> dict[str, Any]:
        """Return the next message with this key."""
        with self._changed:
            found = self._changed.wait_for(lambda: [m for m in self.messages if key in m], CAP)
            assert found, f"the server never sent '{key}'"
            self.messages.remove(found[0])
            return found[0]

    def freeze(self) -> None:
        """Stop the process (SIGSTOP)."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it continue (SIGCONT)."""
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.wait()
        self._listener.join(CAP)
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe
            pipe.close()
        self.messages.clear()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.kill()

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout
        for line in process.stdout:
            with self._changed:
                self.messages.append(json.loads(line))
                self._changed.notify_all()


def until(condition: Callable[[], object], what: str = "it") -> None:
    """Wait for other threads and processes until a condition holds, CAP seconds at most."""
    tick, deadline = Condition(), monotonic() + CAP
    with tick:
        while not condition():
            assert monotonic() < deadline, f"{what} never happened"
            tick.wait(0.01)
