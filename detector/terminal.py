"""Standard output and error of a command that works for long: writing never raises or waits long.

A log on a full disk, a pipe without a reader or a stopped terminal must not end or stop the work.
"""

from __future__ import annotations

import io
import os
import re
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock
from time import monotonic
from typing import TextIO

LOG_PATIENCE = 0.5  # seconds for which a thread of the work waits for a reader of the log
RESULT_PATIENCE = 5.0  # seconds for which the end of a command waits for a reader of the result
AT_ONCE = 512  # bytes: POSIX promises that a pipe with room takes as many

# Control characters, characters that change the direction of writing, and halves of characters
_UNPRINTABLE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def printable(text: str) -> str:
    r"""Return `text` on one line, with control characters as escapes such as \n and \x1b.

    What others send could otherwise forge lines of a log, or steer the reader's terminal.
    """
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def printable_lines(text: str) -> str:
    """Return `text` with its line breaks; all lines but the first are indented."""
    return "\n    ".join(printable(line.expandtabs()) for line in text.split("\n"))


class UnfailingStream(io.TextIOBase):
    """Stands for a text stream; what cannot be written is left out and counted.

    stream: None if the process was started without it
    patience: seconds to wait for a reader; afterwards nothing waits until something is read
    """

    def __init__(self, stream: TextIO | None, patience: float) -> None:
        self._stream = stream
        self._patience = patience
        self._descriptor = _descriptor_of(stream)
        self._lock = Lock()
        self._waits = True
        self._lost = 0  # lines that could not be written
        self._torn = False  # the last line was written in part
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()  # type: ignore[union-attr]

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the stream."""
        return getattr(self._stream, "encoding", None) or "utf-8"

    @property
    def errors(self) -> str:  # type: ignore[override]
        """How characters are written that the encoding lacks."""
        return "backslashreplace"

    def fileno(self) -> int:
        """Return the stream's descriptor; raises OSError if it has none."""
        if self._descriptor is None:
            raise io.UnsupportedOperation("no descriptor")
        return self._descriptor

    def isatty(self) -> bool:
        """Return whether the stream is a terminal."""
        return self._descriptor is not None and os.isatty(self._descriptor)

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, text: str) -> int:
        """Write as much of `text` as the stream takes."""
        if not isinstance(text, str):
            raise TypeError(f"text expected, {type(text).__name__} given")
        with self._lock:
            note = self._note()
            if not note or self._send(note):
                if note:
                    self._lost, self._torn = 0, False
                if self._send(text):
                    return len(text)
            self._lost += text.count("\n")
        return len(text)

    def _note(self) -> str:
        """Return what precedes the next text: what is missing before it."""
        if self.isatty() or not (self._lost or self._torn):
            return ""
        missing = f"({self._lost} lines could not be written here)\n" if self._lost else ""
        return "\n" * self._torn + missing

    def _send(self, text: str) -> bool:
        """Write to the stream; return whether it took all."""
        data = text.encode(self.encoding, self.errors)
        sent = 0
        try:
            if self._descriptor is None:
                self._pass_on(text)
                return True
            deadline = monotonic() + (self._patience if self._waits else 0.0)
            while sent < len(data) and self._has_room(deadline):
                with suppress(BlockingIOError):
                    sent += os.write(self._descriptor, data[sent : sent + AT_ONCE])
        except (OSError, ValueError):
            pass  # nobody can be told: this is where errors are shown
        self._torn |= 0 < sent < len(data)
        return sent == len(data)

    def _pass_on(self, text: str) -> None:
        if self._stream is not None:
            self._stream.write(text)
            self._stream.flush()

    def _has_room(self, deadline: float) -> bool:
        assert self._descriptor is not None
        room = select.poll()
        room.register(self._descriptor, select.POLLOUT)
        self._waits = bool(room.poll(max(0.0, deadline - monotonic()) * 1000))
        return self._waits


def _descriptor_of(stream: TextIO | None) -> int | None:
    try:
        return None if stream is None else stream.fileno()
    except (AttributeError, OSError, ValueError):
        return None


@contextmanager
def unfailing_output() -> Iterator[None]:
    """Let standard output and error neither raise nor block while this context is open."""
    before = sys.stdout, sys.stderr
    sys.stdout = UnfailingStream(sys.stdout, RESULT_PATIENCE)
    with unfailing_errors():
        try:
            yield
        finally:
            sys.stdout = before[0]


@contextmanager
def unfailing_errors() -> Iterator[None]:
    """Let standard error neither raise nor block while this context is open."""
    before = sys.stderr
    sys.stderr = UnfailingStream(before, LOG_PATIENCE)
    try:
        yield
    finally:
        sys.stderr = before


def open_standard_descriptors() -> None:
    """Open /dev/null in place of standard streams that are closed.

    Otherwise the next file that is opened, such as a recording, gets the number of standard error,
    and the messages that libraries write to that number get into it.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)  # gets the lowest free number
            os.set_inheritable(null, True)
