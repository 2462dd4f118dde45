"""Our own RTSP server: GStreamer's, in a child process under the system's Python.

Its bindings belong to that Python (Debian and JetPack have them), not to a virtual environment.
"""

from __future__ import annotations

import json
import shutil
import socket
import struct
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from threading import Lock
from typing import ClassVar
from urllib.parse import unquote, urlsplit

from detector.errors import UsageError
from pipeline.sinks import SinkError
from pipeline.sinks.rtsp.send_buffer import SendBuffer

SYSTEM_PYTHON = "/usr/bin/python3"
CHILD = Path(__file__).with_name("server_child.py")
PACKAGES = (
    "python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-base gstreamer1.0-plugins-good"
)
DEFAULT_PORT = 8554
_HEAD = struct.Struct(">Id")  # bytes of an access unit, monotonic seconds of its capture
_TRIAL = "import gi; gi.require_version('GstRtspServer', '1.0')"


@cache
def has_server() -> bool:
    """Return whether GStreamer's RTSP server can be had; looked at once per process."""
    line = [SYSTEM_PYTHON, "-c", _TRIAL]
    try:
        return subprocess.run(line, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def require_server(url: str) -> None:
    """Raise UsageError, with what to do, where there is no server to be had."""
    if not has_server():
        raise UsageError(
            f"output '{url}': serve=1 needs GStreamer's RTSP server for {SYSTEM_PYTHON}: install "
            f"the Debian packages {PACKAGES}; or leave out serve=1 and push to a server of yours"
        )


class ServedStream:
    """One stream of a server of ours, made by the constructor; several may share a server.

    url: rtsp://user:password@address:port/path; who watches needs that user and password
    timeout: seconds that the server may take nothing
    Raises SinkError where it cannot serve there.
    """

    def __init__(self, url: str, timeout: float) -> None:
        parts = urlsplit(url)
        self._server = Server.at(parts.hostname or "0.0.0.0", parts.port or DEFAULT_PORT)
        try:
            self._socket = self._server.connect(timeout)
            user = (
                f"{unquote(parts.username)}:{unquote(parts.password or '')}"
                if parts.username
                else None
            )
            greeting = {"path": f"/{parts.path.strip('/')}", "user": user}
            self._socket.sendall(json.dumps(greeting).encode() + b"\n")
            self._outgoing = SendBuffer(self._socket, timeout)
        except BaseException:
            self._server.let_go()
            raise

    @property
    def backlog(self) -> int:
        """Bytes that wait because the server is slow."""
        return self._outgoing.backlog

    def send(self, unit: bytes, ticks: int, captured_at: float) -> None:
        """Send one access unit. Raises OSError. ticks: not needed, the server goes by capture."""
        self._outgoing.send(_HEAD.pack(len(unit), captured_at) + unit)

    def keep_up(self) -> None:
        """Send what waits, and hear whether the server is still there. Raises OSError."""
        self._outgoing.received()
        self._outgoing.flush()

    def close(self) -> None:
        """End the stream; the server ends with its last one."""
        self._socket.close()
        self._server.let_go()


class Server:
    """The child process that serves at one address, for as long as a stream needs it."""

    _servers: ClassVar[dict[tuple[str, int], Server]] = {}
    _lock: ClassVar[Lock] = Lock()

    def __init__(self, address: str, port: int) -> None:
        self._place = address, port
        self._users = 0
        self._folder = tempfile.mkdtemp(prefix="framelane-")  # only we may enter it
        self._path = f"{self._folder}/streams"
        options = {"address": address, "port": port, "socket": self._path}
        self._process = subprocess.Popen(
            [SYSTEM_PYTHON, "-I", str(CHILD), json.dumps(options)],
            stdin=subprocess.PIPE,  # its end ends the child, however we end
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,  # Ctrl-C is for us: the child ends when we have finished
        )
        assert self._process.stdout
        said = self._process.stdout.readline()
        if said.strip() != "ready":
            self._end()
            why = said.strip() or "its process ended"
            raise SinkError(f"cannot serve RTSP at {address}:{port}: {why}")

    @classmethod
    def at(cls, address: str, port: int) -> Server:
        """Return the server at an address, started if need be; to be let go once."""
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

    def let_go(self) -> None:
        """Note that a stream needs it no more."""
        with self._lock:
            self._users -= 1
            if not self._users:
                if self._servers.get(self._place) is self:
                    del self._servers[self._place]
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
