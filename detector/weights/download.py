"""A file from the network: where it broke off it is continued, and it is only ever whole."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import cast
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from detector.errors import DownloadError

TIMEOUT_SECONDS = 30  # without a byte, after which a connection counts as broken
IDLE_TRIES = 2  # in a row that bring nothing new, after which it is given up
BLOCK_BYTES = 1 << 18
RANGE_NOT_SATISFIABLE = 416
FINAL = set(range(400, 500)) - {408, RANGE_NOT_SATISFIABLE, 425, 429}  # others may pass

Show = Callable[[int, int | None], None]  # bytes so far, and in all if the server says how many


class _Broken(Exception):
    """A connection that ended before the file did. final: there is no use in another."""

    def __init__(self, reason: str, *, final: bool = False) -> None:
        super().__init__(reason)
        self.final = final


@dataclass(frozen=True, slots=True)
class Partial:
    """What there is of a file so far, and what the server called the version that it is of."""

    path: Path

    def held(self) -> int:
        """Return how many bytes there are."""
        return self.path.stat().st_size if self.path.exists() else 0

    def version(self) -> str:
        """Return the name of the version, empty if it has none: then it cannot be continued."""
        return self._version_file.read_text() if self._version_file.exists() else ""

    def restart(self, version: str) -> None:
        """Forget what there is; what comes now is of `version`."""
        self.path.write_bytes(b"")
        self._version_file.write_text(version)

    def discard(self) -> None:
        """Remove the files."""
        self.path.unlink(missing_ok=True)
        self._version_file.unlink(missing_ok=True)

    @property
    def _version_file(self) -> Path:
        return self.path.with_name(f"{self.path.name}.version")


def download(
    url: str, partial: Partial, show: Show, *, timeout_seconds: float = TIMEOUT_SECONDS
) -> None:
    """Fetch what is missing of the file at `url`; afterwards `partial` is all of it.

    A broken connection is made again as long as that brings more. Raises DownloadError with the
    reason; what came is kept, and the next call continues it if the server still has that version.
    Raises OSError if it cannot be written.
    """
    most, idle = partial.held(), 0
    while True:
        try:
            _receive(url, partial, show, timeout_seconds)
            return
        except _Broken as broken:
            idle = 0 if partial.held() > most else idle + 1
            most = max(most, partial.held())
            if broken.final or idle == IDLE_TRIES:
                raise DownloadError(str(broken)) from broken


def _receive(url: str, partial: Partial, show: Show, timeout_seconds: float) -> None:
    """Make one connection, and add what it brings."""
    with _answer(url, partial, timeout_seconds) as response:
        total = _size(response, partial.held())
        with partial.path.open("ab") as file:
            for block in _blocks(response):
                file.write(block)
                show(file.tell(), total)
            file.flush()
            os.fsync(file.fileno())  # who renames it must not be ahead of the bytes
    if total is not None and partial.held() != total:
        raise _Broken(f"the connection ended after {partial.held()} of {total} bytes")


@contextmanager
def _answer(url: str, partial: Partial, timeout_seconds: float) -> Iterator[HTTPResponse]:
    """Ask for what is missing, or for all of it, and give the answer that continues `partial`."""
    headers = {"User-Agent": "framelane"}
    held, version = partial.held(), partial.version()
    if held and version:
        headers |= {"Range": f"bytes={held}-", "If-Range": version}
    with _broken_connections():
        response = _opened(Request(url, headers=headers), partial, timeout_seconds)
    with response:
        if response.status != 206:
            partial.restart(_version(response))
        elif _range(response)[0] != held or _version(response) != version:
            partial.discard()
            raise _Broken("the server sent another part of the file than was asked for")
        yield response


def _opened(request: Request, partial: Partial, timeout_seconds: float) -> HTTPResponse:
    try:
        return cast(HTTPResponse, urlopen(request, timeout=timeout_seconds))
    except HTTPError as error:
        with error:  # it is the answer as well
            if error.code == RANGE_NOT_SATISFIABLE:
                partial.discard()
            reason = f"the server says {error.code} {error.reason}"
            raise _Broken(reason, final=error.code in FINAL) from error


@contextmanager
def _broken_connections() -> Iterator[None]:
    try:
        yield
    except URLError as error:
        raise _Broken(str(error.reason)) from error
    except (OSError, HTTPException) as error:
        raise _Broken(str(error) or type(error).__name__) from error


def _blocks(response: HTTPResponse) -> Iterator[bytes]:
    while True:
        with _broken_connections():
            block = response.read(BLOCK_BYTES)
        if not block:
            return
        yield block


def _version(response: HTTPResponse) -> str:
    """Return what If-Range takes: a strong entity tag, else the date (RFC 9110, 13.1.5)."""
    tag = response.headers.get("ETag", "")
    return tag if tag.startswith('"') else response.headers.get("Last-Modified", "")


def _range(response: HTTPResponse) -> tuple[int, int | None]:
    """Return the first byte of a part, and the size of the whole if it is known."""
    given = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
    if not given:
        return -1, None
    return int(given[1]), None if given[2] == "*" else int(given[2])


def _size(response: HTTPResponse, held: int) -> int | None:
    if response.status == 206:
        return _range(response)[1]
    return None if response.length is None else held + response.length
