"""What the parent sends: streams, and the end of the process."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import sys
from typing import BinaryIO

from pipeline.sinks.rtsp.server_child.path_server import PathServer
from pipeline.sinks.rtsp.server_child.paths import Paths

HEADER = struct.Struct(">Id")  # bytes of an access unit, monotonic seconds of its capture
MAX_UNIT = 64 << 20  # bytes


def serve_stream(connection: socket.socket, paths: Paths) -> None:
    """Serve one stream until its connection ends."""
    with connection, connection.makefile("rb") as file:
        greeting = json.loads(file.readline())
        path = greeting["path"]
        server = PathServer(path, greeting["user"])
        if not paths.add(path, server):
            connection.sendall(b"another stream is served there\n")
            return
        try:
            connection.sendall(b"ok\n")
            while (unit := read_unit(file)) is not None:
                server.stream.send(*unit)
        finally:
            paths.remove(path)
            server.end()


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


def end_with_standard_input(path: str) -> None:
    """End the process when its parent has ended or closes the pipe.

    path: of the socket; it goes with its folder, since a parent that was killed cannot remove it
    """
    sys.stdin.read()
    with contextlib.suppress(OSError):  # the parent, if it has ended well, was quicker
        os.unlink(path)
        os.rmdir(os.path.dirname(path))
    os._exit(0)
