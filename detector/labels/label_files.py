"""The files of a set of labels: a single file, a folder or a zip, read without being unpacked.

A zip from outside may be a bomb, or name files outside its folder: nothing of it is written to the
disk, no more of it is read than the limits allow, and such names are refused.
"""

from __future__ import annotations

import zlib
from pathlib import Path, PurePosixPath
from types import TracebackType
from zipfile import BadZipFile, LargeZipFile, ZipFile, ZipInfo

from detector.errors import UsageError

MAX_FILES = 1_000_000  # in a zip or folder
MAX_BYTES = 1 << 30  # of one file; a JSON of COCO's 118,000 training images has 450 MB
MAX_TOTAL = 1 << 34  # read from one zip
MAX_RATIO = 200  # of unpacked to packed bytes of a file above MIN_CHECKED; XML of boxes has 20
MIN_CHECKED = 1 << 24


class LabelFiles:
    """The files at a path, by their names relative to it, with `/` between folders.

    A single file has its own name, and no other file is seen.

    path: what was given, for messages
    names: of the files, sorted
    """

    def __init__(self, path: Path) -> None:
        """List the files at a path.

        Raises UsageError if it does not exist, or is a zip that is refused.
        """
        self.path = path
        self._zip: ZipFile | None = None
        self._members: dict[str, ZipInfo] = {}
        self._sizes: dict[str, int] = {}  # of the files that were unpacked
        self._total = 0  # of these sizes
        try:
            self.is_folder = path.is_dir()
            if self.is_folder:
                self.names = _names_in(path)
            elif path.suffix.lower() == ".zip":
                self._open_zip()
                self.names = sorted(self._members)
            elif path.is_file():
                self.names = [path.name]
            else:
                raise UsageError(f"{path}: no such file or folder")
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise UsageError(f"{path}: cannot be read: {why}") from error

    def __enter__(self) -> LabelFiles:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._zip:
            self._zip.close()

    @property
    def is_zip(self) -> bool:
        """Whether the files are in a zip."""
        return self._zip is not None

    def where(self, name: str) -> str:
        """Return the place of a file for a message."""
        return f"{self.path}" if self._is_single else f"{self.path}/{name}"

    def read(self, name: str) -> bytes:
        """Return the content of a file.

        Raises UsageError if it cannot be read or is beyond the limits.
        """
        if self._zip is not None:
            return self._unpacked(name)
        path = self.path if self._is_single else self.path / name
        try:
            if path.stat().st_size > MAX_BYTES:
                raise UsageError(f"{path}: larger than {MAX_BYTES >> 20} MB")
            return path.read_bytes()
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise UsageError(f"{path}: cannot be read: {why}") from error

    @property
    def _is_single(self) -> bool:
        return self._zip is None and not self.is_folder

    def _open_zip(self) -> None:
        try:
            self._zip = ZipFile(self.path)
        except (BadZipFile, LargeZipFile, NotImplementedError) as error:
            raise UsageError(f"{self.path}: not a zip that can be read: {error}") from error
        members = [each for each in self._zip.infolist() if not each.is_dir()]
        if len(members) > MAX_FILES:
            raise UsageError(f"{self.path}: {len(members)} files: up to {MAX_FILES} are accepted")
        for member in members:
            name = _checked(member.filename, self.path)
            if name in self._members:
                raise UsageError(f"{self.path}: '{name}' is in the zip twice")
            self._members[name] = member

    def _unpacked(self, name: str) -> bytes:
        assert self._zip is not None
        member, where = self._members[name], self.where(name)
        if member.flag_bits & 1:
            raise UsageError(f"{where}: encrypted: give a zip without a password")
        if member.file_size > MIN_CHECKED and member.file_size > MAX_RATIO * member.compress_size:
            raise UsageError(
                f"{where}: {member.file_size} bytes packed into {member.compress_size}: more than "
                f"{MAX_RATIO} to 1 is refused"
            )
        limit = min(MAX_BYTES, MAX_TOTAL - self._total + self._sizes.get(name, 0))
        try:
            with self._zip.open(member) as file:
                data = file.read(limit + 1)
        except (BadZipFile, zlib.error, OSError, EOFError, NotImplementedError) as error:
            raise UsageError(f"{where}: cannot be unpacked: {error}") from error
        if len(data) > limit:
            raise UsageError(f"{where}: larger than {limit >> 20} MB")
        self._total += len(data) - self._sizes.get(name, 0)
        self._sizes[name] = len(data)
        return data


def _checked(name: str, where: Path) -> str:
    """Return the name of a file in a zip; raises UsageError if it leads outside."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts or parts[0] == "/" or ".." in parts or ":" in parts[0] or "\0" in name:
        raise UsageError(f"{where}: it names {name!r}, which is outside the zip: it is refused")
    return "/".join(parts)


def _names_in(folder: Path) -> list[str]:
    names = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not any(
            part.startswith(".") for part in path.relative_to(folder).parts
        ):
            names.append(path.relative_to(folder).as_posix())
        if len(names) > MAX_FILES:
            raise UsageError(f"{folder}: more than {MAX_FILES} files")
    return names
