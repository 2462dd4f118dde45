"""Our own RTSP server: GStreamer's, in a child process under the system's Python.

Debian and JetPack install its bindings for that Python, not for a virtual environment.
"""

from __future__ import annotations

import json
import shutil
import socket
import struct
import subprocess
import tempfile
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from threading import Lock
from typing import ClassVar
from urllib.parse import unquote, urlsplit

from detector.errors import UsageError
from pipeline.gstreamer.system_python import SYSTEM_PYTHON, child_environment
from pipeline.redaction import shown_url
from pipeline.sinks import SinkError
from pipeline.sinks.rtsp.receiver import Receiver
from pipeline.sinks.rtsp.send_buffer import SendBuffer

CHILD = Path(__file__).with_name("server_child")  # which documents what is sent to it
PACKAGES = (
    "python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-base gstreamer1.0-plugins-good"
)
DEFAULT_PORT = 8554
_HEADER = struct.Struct(">Id")  # bytes of an access unit, monotonic seconds of its capture
_TRIAL = "import gi; gi.require_version('GstRtspServer', '1.0')"


@cache
def has_server(python: str = SYSTEM_PYTHON) -> bool:
    """Return whether a Python has GStreamer's RTSP server; tried once per process."""
    line = [python, "-c", _TRIAL]
    try:
        tried = subprocess.run(line, capture_output=True, check=False, env=child_environment())
        return tried.returncode == 0
    except OSError:
        return False


def require_server(url: str, python: str = SYSTEM_PYTHON) -> None:
    """Raise UsageError, with what to install, if there is no server for `url`."""
    if not has_server(python):
        raise UsageError(
            f"output '{shown_url(url)}': serve=1 needs GStreamer's RTSP server for "
            f"{python}: install the Debian packages {PACKAGES}; or leave out serve=1 and push to a "
            "server of yours"
        )


class ServedStream(Receiver):
    """One stream of our own server; the constructor connects it. Several may share a server.

    url: rtsp://user:password@address:port/path; viewers need that user and password
    timeout: seconds that the server may accept nothing
    Raises SinkError if it cannot serve at that address.
    """

    def __init__(self, url: str, timeout: float) -> None:
        parts = urlsplit(url)
        self._server = Server.at(parts.hostname or "0.0.0.0", parts.port or DEFAULT_PORT)
        opened = ExitStack()
        try:
            self._socket = opened.enter_context(self._server.connect(timeout))
            user = (
                f"{unquote(parts.username)}:{unquote(parts.password or '')}"
                if parts.username
                else None
            )
            greeting = {"path": f"/{parts.path.strip('/')}", "user": user}
            self._socket.sendall(json.dumps(greeting).encode() + b"\n")
            answer = _line(self._socket)
            if answer != "ok":
                shown = shown_url(url)
                raise SinkError(
                    f"output '{shown}': {answer}: give each stream a path of its own, as with "
                    "{stream} in it"
                )
            self._buffer = SendBuffer(self._socket, timeout)
        except BaseException:
            opened.close()
            self._server.release()
            raise

    def send(self, unit: bytes, ticks: int, captured_at: float) -> None:
        """Send one access unit; the server uses the time of capture. Raises OSError."""
        self._buffer.send(_HEADER.pack(len(unit), captured_at) + unit)

    def close(self) -> None:
        """End the stream; the server ends with its last stream."""
        self._socket.close()
        self._server.release()


def _line(connection: socket.socket) -> str:
    """Return the line that the child answers; raises OSError if it does not."""
    line = b""
    while not line.endswith(b"\n"):
        byte = connection.recv(1)
        if not byte:
            raise ConnectionResetError("the server's process has ended")
        line += byte
    return line.decode().strip()


class Server:
    """The child process that serves at one address, as long as a stream needs it."""

    _servers: ClassVar[dict[tuple[str, int], Server]] = {}
    _lock: ClassVar[Lock] = Lock()

    def __init__(self, address: str, port: int) -> None:
        self._address = address, port
        self._users = 0
        self._folder = tempfile.mkdtemp(prefix="framelane-")  # only this user may enter it
        self._path = f"{self._folder}/streams"
        options = {"address": address, "port": port, "socket": self._path}
        self._process = subprocess.Popen(
            [SYSTEM_PYTHON, "-IB", str(CHILD), json.dumps(options)],
            stdin=subprocess.PIPE,  # closed when we end in any way, which ends the child
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=child_environment(),
            start_new_session=True,  # Ctrl-C must not reach the child, which ends after us
        )
        assert self._process.stdout
        answer = self._process.stdout.readline().strip()
        if answer != "ready":
            self._end()
            why = answer or "its process ended"
            raise SinkError(f"cannot serve RTSP at {address}:{port}: {why}")

    @classmethod
    def at(cls, address: str, port: int) -> Server:
        """Return the server at an address, started if necessary; each call needs one `release`."""
        with cls._lock:
            server = cls._servers.get((address, port))
            if server is None or server._process.poll() is not None:
                server = cls._servers[address, port] = cls(address, port)
            server._users += 1
            return server

    def connect(self, timeout: float) -> socket.socket:
        """Return a connection for one stream. Raises OSError."""
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(timeout)
        try:
            connection.connect(self._path)
        except OSError:
            connection.close()
            raise
        return connection

    def release(self) -> None:
        """Note that a stream has ended; the last one ends the server."""
        with self._lock:
            self._users -= 1
            if not self._users:
                if self._servers.get(self._address) is self:
                    del self._servers[self._address]
                self._end()

    def _end(self) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        shutil.rmtree(self._folder, ignore_errors=True)
