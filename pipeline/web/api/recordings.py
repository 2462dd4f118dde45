"""Recordings by time, and the files themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.checked_text import filled_in
from pipeline.sinks.retention import SegmentNames
from pipeline.sinks.segment_time import started_by_name
from pipeline.web.api.cameras import stream_named
from pipeline.web.file_part import file_part
from pipeline.web.in_thread import in_thread
from pipeline.web.problem import Problem
from pipeline.web.query import seconds
from pipeline.web.site import Site, site_of

MEDIA_TYPES = {".mp4": "video/mp4", ".mov": "video/quicktime", ".mkv": "video/matroska"}
MAX_FILES = 5000  # in one answer: a month of segments of ten minutes


@dataclass(frozen=True, slots=True)
class _Recording:
    """A recorded file; start, end: seconds since 1970."""

    path: Path
    start: float
    end: float
    size: int


async def show_all(request: Request) -> Response:
    """Return the recordings of one camera that show a part of a time, in order."""
    site, name = site_of(request), request.query_params.get("camera")
    if name is None:
        raise Problem(HTTPStatus.BAD_REQUEST, "camera: missing: give the name of a camera")
    since, until = seconds(request, "since"), seconds(request, "until")
    found = await in_thread(lambda: list(_recordings(site, name)))
    wanted = [
        each
        for each in found
        if (until is None or each.start < until) and (since is None or each.end > since)
    ]
    return JSONResponse({"recordings": [_shown(site, name, each) for each in wanted[-MAX_FILES:]]})


async def file(request: Request) -> Response:
    """Return a recorded file, or the range of it that is asked for."""
    site, name = site_of(request), request.path_params["name"]
    wanted = request.path_params["path"]
    found = await in_thread(lambda: list(_recordings(site, name)))
    for each in found:
        if _relative(site, name, each.path) == wanted:
            return file_part(request, each.path, MEDIA_TYPES[each.path.suffix.lower()])
    raise Problem(HTTPStatus.NOT_FOUND, f"'{name}' has no such recording")


def _recordings(site: Site, name: str) -> Iterator[_Recording]:
    """Yield the recordings of a stream, by the moment in their names."""
    stream_named(site.run, name)
    template = _template(site, name)
    found = []
    for path in SegmentNames(template).existing():
        try:
            state = path.stat()
        except FileNotFoundError:
            continue  # retention has deleted it
        start = started_by_name(template, path, state.st_mtime)
        if start is not None:
            found.append(_Recording(path, start, max(start, state.st_mtime), state.st_size))
    yield from sorted(found, key=lambda each: each.start)


def _template(site: Site, name: str) -> Path:
    if site.config.recording is None:
        raise Problem(
            HTTPStatus.NOT_FOUND,
            "nothing is recorded: add the section 'recording', see docs/recording.md",
        )
    return Path(filled_in(site.config.recording.url, name))


def _relative(site: Site, name: str, path: Path) -> str:
    """Return a path without the folders that are the same for all recordings of a stream."""
    template = _template(site, name)
    fixed = next(folder for folder in template.parents if "%" not in str(folder))
    return path.relative_to(fixed).as_posix()


def _shown(site: Site, name: str, recording: _Recording) -> dict[str, Any]:
    path = quote(_relative(site, name, recording.path))
    return {
        "camera": name,
        "start": recording.start,
        "end": recording.end,
        "seconds": round(recording.end - recording.start, 3),
        "bytes": recording.size,
        "url": f"/api/v1/recordings/{quote(name)}/{path}",
    }
