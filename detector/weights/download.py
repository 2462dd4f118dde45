"""Download a file: a broken download is continued, and the result is always complete."""

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

TIMEOUT_SECONDS = 30  # without a byte until a connection counts as broken
IDLE_TRIES = 2  # consecutive tries without new bytes until the download is given up
BLOCK_BYTES = 1 << 18
RANGE_NOT_SATISFIABLE = 416
FINAL = set(range(400, 500)) - {
    408,
    RANGE_NOT_SATISFIABLE,
    425,
    429,
}  # the other errors may be temporary

Show = Callable[[int, int | None], None]  # bytes so far, and in total if known


class _Broken(Exception):
    """A connection that ended before the file did. final: another try is useless."""

    def __init__(self, reason: str, *, final: bool = False) -> None:
        super().__init__(reason)
        self.final = final


@dataclass(frozen=True, slots=True)
class Partial:
    """The part of a file that has been downloaded, and the server's name for its version."""

    path: Path

    def held(self) -> int:
        """Return the number of bytes downloaded."""
        return self.path.stat().st_size if self.path.exists() else 0

    def version(self) -> str:
        """Return the name of the version; empty if unknown: then it cannot be continued."""
        return self._version_file.read_text() if self._version_file.exists() else ""

    def restart(self, version: str) -> None:
        """Drop all bytes, and start again with `version`."""
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
    """Download the rest of the file at `url`; afterwards `partial` is complete.

    A broken connection is retried as long as new bytes arrive. Raises DownloadError with the
    reason; the bytes are kept, and the next call continues if the server still has that version.
    Raises OSError if the file cannot be written.
    """
    best, idle = partial.held(), 0
    while True:
        try:
            _receive(url, partial, show, timeout_seconds)
            return
        except _Broken as broken:
            idle = 0 if partial.held() > best else idle + 1
            best = max(best, partial.held())
            if broken.final or idle == IDLE_TRIES:
                raise DownloadError(str(broken)) from broken


def _receive(url: str, partial: Partial, show: Show, timeout_seconds: float) -> None:
    """Append the bytes of one connection."""
    with _response(url, partial, timeout_seconds) as response:
        total = _size(response, partial.held())
        with partial.path.open("ab") as file:
            for block in _blocks(response):
                file.write(block)
                show(file.tell(), total)
            file.flush()
            os.fsync(file.fileno())  # on disk before the caller renames it
    if total is not None and partial.held() != total:
        raise _Broken(f"the connection ended after {partial.held()} of {total} bytes")


@contextmanager
def _response(url: str, partial: Partial, timeout_seconds: float) -> Iterator[HTTPResponse]:
    """Request the missing part, or the whole file, and yield the response to append."""
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
            raise _Broken("the server did not send the requested part of the file")
        yield response


def _opened(request: Request, partial: Partial, timeout_seconds: float) -> HTTPResponse:
    try:
        return cast(HTTPResponse, urlopen(request, timeout=timeout_seconds))
    except HTTPError as error:
        with error:  # it is also the response
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
    """Return the value for If-Range: a strong entity tag, else the date (RFC 9110, 13.1.5)."""
    tag = response.headers.get("ETag", "")
    return tag if tag.startswith('"') else response.headers.get("Last-Modified", "")


def _range(response: HTTPResponse) -> tuple[int, int | None]:
    """Return the first byte of a part, and the total size if known."""
    match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
    if not match:
        return -1, None
    return int(match[1]), None if match[2] == "*" else int(match[2])


def _size(response: HTTPResponse, held: int) -> int | None:
    if response.status == 206:
        return _range(response)[1]
    return None if response.length is None else held + response.length
