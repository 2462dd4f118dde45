"""Where labels are written: files into a new folder or a zip, or one file."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Protocol
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

DATE = (1980, 1, 1, 0, 0, 0)  # of files in a zip: the same labels are the same bytes


class FileTree(Protocol):
    """Takes files by their names, with `/` between folders. Methods raise OSError."""

    def add(self, name: str, data: bytes) -> None:
        """Write a file."""

    def close(self) -> None:
        """Complete what was written."""


class SingleFile:
    """The one file of a format that has no others."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, name: str, data: bytes) -> None:
        """Write the file; its name is that of the path."""
        self._path.write_bytes(data)

    def close(self) -> None:
        """Do nothing: the file is complete."""


class Folder:
    """Files in a folder."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, name: str, data: bytes) -> None:
        """Write a file, and the folders that it needs."""
        path = self._path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def close(self) -> None:
        """Do nothing: the files are complete."""


class Zip:
    """Files in a zip. Images are stored: they are compressed already."""

    def __init__(self, path: Path) -> None:
        self._zip = ZipFile(path, "w", ZIP_DEFLATED)

    def add(self, name: str, data: bytes) -> None:
        """Write a file."""
        member = ZipInfo(name, DATE)
        is_image = name.lower().endswith((".jpg", ".jpeg", ".png", ".webp"))
        member.compress_type = ZIP_STORED if is_image else ZIP_DEFLATED
        member.external_attr = 0o644 << 16
        self._zip.writestr(member, data)

    def close(self) -> None:
        """Write the directory of the zip."""
        self._zip.close()

    def __enter__(self) -> Zip:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
