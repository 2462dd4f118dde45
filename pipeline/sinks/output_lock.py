"""A lock on an output: a second run that would write the same file is refused.

The system releases the lock however its process ends, so a lock is never stale.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path


class InUse(OSError):
    """Another run writes the file."""

    def __init__(self) -> None:
        super().__init__("another run is writing it: give another name, or end that run")


def lock_file(descriptor: int) -> None:
    """Lock an open file until it is closed; raises InUse.

    The lock belongs to the file, not to its name, so a hard link to it is locked as well.
    """
    try:
        flock(descriptor, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        raise InUse from None
    except OSError:
        pass  # this file system has no locks


class OutputLock:
    """Holds the name of an output until `release`. The constructor raises InUse.

    An empty hidden file beside the output holds the lock, because the output itself may not exist
    yet, or may be a template of many files. If that file cannot be created, there is no lock. The
    output then reports what is wrong with its folder.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor: int | None = None
        self._path = _beside(path)
        self._made: list[Path] = []  # folders that we created, innermost first
        try:
            self._acquire()
        except InUse:
            self._remove_folders()
            raise
        except OSError:
            self._remove_folders()

    def release(self) -> None:
        """Remove the lock, and the folders that were made for it and are empty."""
        if self._descriptor is None:
            return
        with suppress(OSError):
            self._path.unlink()  # while locked, so that no other run can hold this file
        os.close(self._descriptor)
        self._descriptor = None
        self._remove_folders()

    def _acquire(self) -> None:
        while self._descriptor is None:
            self._make_folders()
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW, 0o666)
            try:
                lock_file(descriptor)
            except InUse:
                os.close(descriptor)
                raise
            if self._is_current(descriptor):
                self._descriptor = descriptor
            else:
                os.close(descriptor)  # the previous run removed it after we opened it: try again

    def _is_current(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.stat(self._path), os.fstat(descriptor))
        except FileNotFoundError:
            return False

    def _make_folders(self) -> None:
        folder = self._path.parent
        missing = [each for each in (folder, *folder.parents) if not each.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        self._made = missing or self._made

    def _remove_folders(self) -> None:
        with suppress(OSError):
            for folder in self._made:
                folder.rmdir()


def _beside(path: Path) -> Path:
    """Return the path of the lock: in the innermost folder without a directive in its path."""
    real = path.resolve()
    fixed = next(folder for folder in real.parents if "%" not in str(folder))
    return fixed / f".{'-'.join(real.relative_to(fixed).parts)}.lock"


def is_locked(path: Path) -> bool:
    """Return whether another run is writing the file at `path`."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        lock_file(descriptor)
    except InUse:
        return True
    finally:
        os.close(descriptor)
    return False


def open_locked(path: Path) -> int:
    """Create the file at `path`, or empty it, and return it open and locked; raises OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o666)
    try:
        lock_file(descriptor)
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.ftruncate(descriptor, 0)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
