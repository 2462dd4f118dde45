"""The best frames of open events, as JPEG: in memory until their event is noted, then in files."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import cv2

from detector.detections import UInt8Array
from pipeline.events.record import EventRecord
from pipeline.rate_limited_log import RateLimitedLog

QUALITY = 90  # of JPEG: faces and number plates stay readable
MAX_BYTES = 32 << 20  # of each stream in memory: about 100 frames of 1080p

FOLDER = "snapshots"  # in the folder of the events


def encoded(bgr: UInt8Array) -> bytes:
    """Return a frame as JPEG."""
    _, jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return jpeg.tobytes()


@dataclass(slots=True)
class _Snapshot:
    """jpeg: not written yet; path: of the file of an earlier one, relative to the folder."""

    jpeg: bytes | None = None
    path: str | None = None


class Snapshots:
    """Keeps the best frame of each open event of one stream.

    A file appears under its name only when it is complete. It is not forced to the disk: losing a
    picture in a power cut costs less than a wait of the stream for its disk.

    folder: of the events; max_bytes: in memory; beyond, the oldest frames of events that are not
    noted yet are given up
    """

    def __init__(self, folder: Path, stream: str, max_bytes: int = MAX_BYTES) -> None:
        self._folder = folder
        self._stream = stream
        self._max_bytes = max_bytes
        self._held: dict[str, _Snapshot] = {}
        self._bytes = 0
        self._log = RateLimitedLog(stream)
        self.failures = 0  # files that could not be written

    @property
    def bytes_held(self) -> int:
        """Bytes of JPEG in memory; one that several events share is counted for each."""
        return self._bytes

    def __len__(self) -> int:
        """How many events it knows."""
        return len(self._held)

    def keep(self, uuid: str, jpeg: bytes) -> None:
        """Take the best frame of an event, in place of an earlier one."""
        snapshot = self._held.pop(uuid, None) or _Snapshot()
        self._set(snapshot, jpeg)
        self._held[uuid] = snapshot
        for other in [each for each in self._held.values() if each.jpeg is not None]:
            if self._bytes <= self._max_bytes:
                break
            self._set(other, None)

    def write(self, record: EventRecord) -> str | None:
        """Write the frame of an event that is noted, and return the path of its file.

        The path is relative to the folder of the events; None if there is no file.
        """
        snapshot = self._held.get(record.uuid)
        if snapshot is None or snapshot.jpeg is None:
            return snapshot.path if snapshot else None
        path = self._path(record)
        try:
            _write_whole(self._folder / path, snapshot.jpeg)
        except OSError as error:
            self.failures += 1
            self._log.log(
                logging.WARNING,
                f"a snapshot cannot be written to {self._folder}: {error.strerror}",
                kind=str(error.strerror),
            )
        else:
            snapshot.path = path
        self._set(snapshot, None)
        return snapshot.path

    def drop(self, uuid: str) -> None:
        """Forget an event that is over; its file stays."""
        if snapshot := self._held.pop(uuid, None):
            self._set(snapshot, None)

    def _set(self, snapshot: _Snapshot, jpeg: bytes | None) -> None:
        self._bytes += len(jpeg or b"") - len(snapshot.jpeg or b"")
        snapshot.jpeg = jpeg

    def _path(self, record: EventRecord) -> str:
        day = datetime.fromtimestamp(record.start.wall, timezone.utc)
        return f"{FOLDER}/{self._stream}/{day:%Y-%m-%d}/{record.uuid}.jpg"


def _write_whole(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
