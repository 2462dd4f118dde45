"""Events: pages with filters, one event, its snapshot and its clip."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from http import HTTPStatus
from pathlib import Path
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from detector.errors import UsageError
from pipeline.events.payload import event_json
from pipeline.events.record import ClipState, EventKind, EventRecord
from pipeline.store.queries import EventFilter, EventReader, Page, Position
from pipeline.web.file_part import file_part
from pipeline.web.in_thread import in_thread
from pipeline.web.problem import Problem
from pipeline.web.query import number, seconds
from pipeline.web.site import Site, site_of

Result = TypeVar("Result")

PAGE, MAX_PAGE = 50, 500  # events in one answer
STATES = {"open": True, "ended": False}


async def show_all(request: Request) -> Response:
    """Return a page of events, the newest first, and where the next one begins."""
    wanted, limit, after = _wanted(request), _limit(request), _position(request)
    page: Page = await _read(site_of(request), lambda reader: reader.page(wanted, limit, after))
    following = page.next and f"{page.next.start_wall!r}_{page.next.id}"
    events = [event_json(event) for event in page.events]
    return JSONResponse({"events": events, "next": following})


async def show(request: Request) -> Response:
    """Return one event."""
    return JSONResponse(event_json(await _event(request)))


async def snapshot(request: Request) -> Response:
    """Return the best frame of an event as JPEG, without boxes."""
    event = await _event(request)
    if event.snapshot is None:
        raise Problem(HTTPStatus.NOT_FOUND, "this event has no snapshot")
    return _file(request, event.snapshot, "image/jpeg")


async def clip(request: Request) -> Response:
    """Return the clip of an event; one that is not finished yet is `409`, not `404`."""
    event = await _event(request)
    if event.clip_state is ClipState.PENDING:
        raise Problem(
            HTTPStatus.CONFLICT, "the clip is not ready yet: try again later", {"Retry-After": "5"}
        )
    if event.clip_state is ClipState.FAILED:
        raise Problem(HTTPStatus.NOT_FOUND, f"there is no clip: {event.clip_reason}")
    if event.clip is None:
        raise Problem(HTTPStatus.NOT_FOUND, "no clip is made of this event")
    return _file(request, event.clip, "video/mp4")


async def _event(request: Request) -> EventRecord:
    uuid = request.path_params["uuid"]
    if len(uuid) != 36:
        raise Problem(HTTPStatus.NOT_FOUND, "an event has a UUID of 36 characters")
    try:
        return await _read(site_of(request), lambda reader: reader.find(uuid))
    except UsageError:
        raise Problem(HTTPStatus.NOT_FOUND, f"no event '{uuid}'") from None


async def _read(site: Site, query: Callable[[EventReader], Result]) -> Result:
    """Return the result of a query; each has a connection of its own."""
    folder = _folder(site)

    def read() -> Result:
        with closing(EventReader(folder)) as reader:
            return query(reader)

    return await in_thread(read)


def _folder(site: Site) -> Path:
    if site.config.events is None:
        raise Problem(
            HTTPStatus.NOT_FOUND,
            "no events are noted: add the section 'events', see docs/events.md",
        )
    return site.config.events.folder


def _wanted(request: Request) -> EventFilter:
    query = request.query_params
    kind, state = query.get("kind"), query.get("state")
    if kind is not None and kind not in set(EventKind):
        accepted = ", ".join(each.value for each in EventKind)
        raise Problem(HTTPStatus.BAD_REQUEST, f"kind: '{kind[:30]}' given: {accepted} are accepted")
    if state is not None and state not in STATES:
        raise Problem(
            HTTPStatus.BAD_REQUEST, f"state: '{state[:30]}' given: open and ended are accepted"
        )
    return EventFilter(
        since=seconds(request, "since"),
        until=seconds(request, "until"),
        stream=query.get("camera"),
        class_name=query.get("class"),
        place=query.get("place"),
        kind=EventKind(kind) if kind else None,
        min_score=number(request, "min_score", 0.0, 1.0),
        open=STATES[state] if state else None,
    )


def _limit(request: Request) -> int:
    given = number(request, "limit", 1, MAX_PAGE)
    return PAGE if given is None else int(given)


def _position(request: Request) -> Position | None:
    given = request.query_params.get("before")
    if given is None:
        return None
    wall, _, row = given.partition("_")
    try:
        return Position(float(wall), int(row))
    except (ValueError, OverflowError):
        raise Problem(
            HTTPStatus.BAD_REQUEST, "before: give `next` of the page before, or leave it out"
        ) from None


def _file(request: Request, path: str, media_type: str) -> Response:
    """Return a file of the events' folder; nothing outside of it."""
    folder = _folder(site_of(request)).resolve()
    real = (folder / path).resolve()
    if not (real.is_relative_to(folder) and real.is_file()):
        raise Problem(HTTPStatus.NOT_FOUND, "the file was deleted")
    return file_part(request, real, media_type)
