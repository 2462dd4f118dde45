"""A file of JSON lines: one line for each message."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from pipeline.connections.status import Cause, Trouble
from pipeline.delivery.message import Message
from pipeline.delivery.retries import Schedule, Undelivered, connection_schedule
from pipeline.delivery.transport import Transport
from pipeline.sinks.output_lock import InUse, lock_file

TAIL = 1 << 16  # bytes that are read at once in the search for the last whole line


class JsonLinesFile(Transport):
    """Appends each message to a file; it is acknowledged when it is on the disk.

    Another program may move or delete the file (log rotation): the next message makes a new one.
    """

    accepted: ClassVar[tuple[str, ...]] = (".jsonl",)
    batch: ClassVar[int] = 200

    def __init__(self, url: str, folder: Path, schedule: Schedule | None = None) -> None:
        super().__init__(url, folder, schedule or connection_schedule())
        self._path = Path(url)
        self._file: int | None = None

    def deliver(self, messages: Sequence[Message], delivered: Callable[[Message], None]) -> None:
        """Write the lines of all messages, or none of them."""
        try:
            self._append(b"".join(message.body + b"\n" for message in messages))
        except OSError as error:
            self.close()
            why = str(error) if isinstance(error, InUse) else error.strerror or str(error)
            raise Undelivered(Trouble(Cause.REFUSED, f"cannot be written: {why}")) from None
        for message in messages:
            delivered(message)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _append(self, lines: bytes) -> None:
        if self._file is not None and not _is_at(self._path, self._file):
            self.close()
        if self._file is None:
            self._file = _opened(self._path)
        size = os.fstat(self._file).st_size
        try:
            rest = memoryview(lines)
            while rest:
                rest = rest[os.write(self._file, rest) :]
            os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, size)  # no half of a line is left on a full disk
            raise


def _opened(path: Path) -> int:
    """Return the file, open and locked, after its last whole line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    is_new = not path.exists()
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
    try:
        lock_file(file)
        _remove_half_line(file)
        if is_new:
            _sync_folder(path.parent)
    except BaseException:
        os.close(file)
        raise
    return file


def _remove_half_line(file: int) -> None:
    """Cut off a last line without its end, which a crash left: its message will come again."""
    end = os.fstat(file).st_size
    while end:
        start = max(0, end - TAIL)
        found = os.pread(file, end - start, start).rfind(b"\n")
        if found >= 0:
            end = start + found + 1
            break
        end = start
    os.ftruncate(file, end)


def _is_at(path: Path, file: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(file))
    except FileNotFoundError:
        return False


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
