"""A child process in which GStreamer decodes or encodes, and the messages between it and us."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import subprocess
from array import array
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from pipeline.gstreamer.system_python import SYSTEM_PYTHON, child_environment

CHILD = Path(__file__).with_name("child")  # which documents the messages
_HEADER = struct.Struct(">cI")
_READ_BYTES = 1 << 16
_MAX_DESCRIPTORS = 4


class ProcessLost(Exception):
    """The child has ended, or does not answer; the text says which."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the child; descriptor: to be closed by its receiver; None: none came with it."""

    kind: bytes
    content: bytes
    descriptor: int | None = None

    @property
    def fields(self) -> dict[str, Any]:
        """The content of a message in JSON."""
        found: dict[str, Any] = json.loads(self.content)
        return found


class ChildProcess:
    """A child process. It ends with us, however we end, because its socket is closed then.

    options: the child's first message
    program: the Python that runs it, and its script
    descriptors: open files that the child inherits under the same numbers
    Raises ProcessLost if it cannot be started. All calls are made on one thread.
    """

    def __init__(
        self,
        options: Mapping[str, Any],
        program: tuple[str, Path] = (SYSTEM_PYTHON, CHILD),
        descriptors: Iterable[int] = (),
    ) -> None:
        self._socket, theirs = socket.socketpair()
        self._received = bytearray()
        self._descriptors: deque[int] = deque()
        python, script = program
        try:
            self._process = subprocess.Popen(
                [python, "-IB", str(script), str(theirs.fileno()), str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=child_environment(),
                pass_fds=(theirs.fileno(), *descriptors),
                start_new_session=True,  # Ctrl-C must not reach the child, which ends after us
            )
        except OSError as error:
            self._socket.close()
            raise ProcessLost(f"{python} cannot be run: {error.strerror}") from error
        finally:
            theirs.close()
        self.send(b"S", json.dumps(options).encode(), 1.0)

    @property
    def number(self) -> int:
        """The process id."""
        return self._process.pid

    def send(self, kind: bytes, content: bytes, seconds: float) -> None:
        """Send a message. Raises ProcessLost, also if it is not taken in so many seconds."""
        self._socket.settimeout(seconds)
        try:
            self._socket.sendall(_HEADER.pack(kind, len(content)) + content)
        except TimeoutError:
            raise ProcessLost(f"it took nothing for {seconds:g} s") from None
        except OSError:
            pass  # why it ended can still be received

    def receive(self, seconds: float) -> Message | None:
        """Return the next message; None if none comes in so many seconds. Raises ProcessLost."""
        deadline = monotonic() + seconds
        while (message := self._next()) is None:
            if not self._read(max(0.0, deadline - monotonic())):
                return None
        return message

    def close(self) -> None:
        """End the process."""
        self._socket.close()
        self._process.kill()
        self._process.wait()
        while self._descriptors:
            os.close(self._descriptors.popleft())

    def _next(self) -> Message | None:
        if len(self._received) < _HEADER.size:
            return None
        kind, size = _HEADER.unpack_from(self._received)
        end = _HEADER.size + size
        if len(self._received) < end:
            return None
        content = bytes(self._received[_HEADER.size : end])
        del self._received[:end]
        return Message(kind, content, self._descriptors.popleft() if kind == b"M" else None)

    def _read(self, seconds: float) -> bool:
        """Receive something; return whether it came in time."""
        self._socket.settimeout(seconds)
        try:
            content, ancillary, _, _ = self._socket.recvmsg(
                _READ_BYTES,
                socket.CMSG_SPACE(_MAX_DESCRIPTORS * array("i").itemsize),
                socket.MSG_CMSG_CLOEXEC,
            )
        except (TimeoutError, BlockingIOError):
            return False
        except OSError:
            content, ancillary = b"", []
        for _, _, data in ancillary:
            self._descriptors.extend(array("i", data))
        if not content:
            raise ProcessLost(self._end())
        self._received += content
        return True

    def _end(self) -> str:
        """Return how the process ended."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        code = self._process.returncode
        if code is not None and code < 0:
            return f"its process was ended by {signal.Signals(-code).name}"
        return "its process ended"
