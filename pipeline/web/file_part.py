"""A file, or the range of it that a player asks for, although it may still be growing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from pipeline.web.problem import Problem

CHUNK = 1 << 18  # bytes that are read at once
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def file_part(request: Request, path: Path, media_type: str) -> Response:
    """Return the file as it is now; a single range of bytes is honoured (RFC 9110, section 14).

    Raises Problem for a range outside of the file, or a file that is gone.
    """
    try:
        size = path.stat().st_size
    except OSError:
        raise Problem(HTTPStatus.NOT_FOUND, "the file was deleted") from None
    wanted = _wanted(request.headers.get("range", ""), size)
    begin, end = wanted or (0, size)
    headers = {"Accept-Ranges": "bytes", "Content-Length": str(end - begin)}
    if wanted:
        headers["Content-Range"] = f"bytes {begin}-{end - 1}/{size}"
    status = HTTPStatus.PARTIAL_CONTENT if wanted else HTTPStatus.OK
    return StreamingResponse(_read(path, begin, end), status, headers, media_type)


def _wanted(header: str, size: int) -> tuple[int, int] | None:
    """Return the first byte and the one after the last; None: the whole file."""
    found = _RANGE.fullmatch(header.strip())
    if found is None or not any(found.groups()):
        return None
    first, last = found.groups()
    if not first:
        begin, end = max(0, size - int(last)), size
    else:
        begin, end = int(first), min(int(last) + 1, size) if last else size
    if begin >= end:
        raise Problem(
            HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
            f"the file has {size} bytes: ask for some of these",
            {"Content-Range": f"bytes */{size}"},
        )
    return begin, end


def _read(path: Path, begin: int, end: int) -> Iterator[bytes]:
    """Yield exactly these bytes; the file is opened when its reader is there."""
    with path.open("rb") as file:
        file.seek(begin)
        while begin < end and (part := file.read(min(CHUNK, end - begin))):
            begin += len(part)
            yield part
