"""The log of a node: one file for each camera, and one for the rest."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Collection
from logging.handlers import RotatingFileHandler
from pathlib import Path

from pipeline.log import as_text

MAX_BYTES = 1_000_000  # of a file, before it is renamed
OLD_FILES = 2
NODE = "node"  # no camera: a stream's log has the ending .camera.log


class CameraLogs(logging.Handler):
    """Writes each record to the file of the camera whose thread logs it.

    A thread of a camera has the name CAMERA/STAGE. Credentials are removed, as on a terminal.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(logging.INFO)
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._files: dict[str, RotatingFileHandler] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; never raises."""
        try:
            camera, slash, _ = (record.threadName or "").rpartition("/")
            text = as_text(record)
            line = logging.makeLogRecord({"msg": "%s", "args": (text,)})
            self._file(f"{camera}.camera" if slash else NODE).emit(line)
        except (OSError, ValueError):
            return  # the disk is full, or the file is closed: no thread may depend on its log

    def keep(self, cameras: Collection[str]) -> None:
        """Close the files of all other cameras."""
        kept = {f"{name}.camera" for name in cameras} | {NODE}
        self.acquire()
        try:
            for name in [name for name in self._files if name not in kept]:
                self._files.pop(name).close()
        finally:
            self.release()

    def tail(self, camera: str | None, count: int) -> list[str]:
        """Return the last lines of a camera's log; None: those of the node itself."""
        path = self._folder / f"{f'{camera}.camera' if camera else NODE}.log"
        try:
            with path.open(encoding="utf-8", errors="replace") as lines:
                return [line.rstrip("\n") for line in deque(lines, count)]
        except FileNotFoundError:
            return []

    def close(self) -> None:
        """Close all files."""
        for file in self._files.values():
            file.close()
        super().close()

    def _file(self, name: str) -> RotatingFileHandler:
        if name not in self._files:
            path = self._folder / f"{name}.log"
            self._files[name] = RotatingFileHandler(path, "a", MAX_BYTES, OLD_FILES, "utf-8")
        return self._files[name]
