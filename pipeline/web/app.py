"""The application: which handler answers which path."""

from __future__ import annotations

import logging
from http import HTTPStatus
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from detector.errors import FramelaneError, UsageError
from pipeline.access.address import HostNames, parse_address
from pipeline.redaction import without_password
from pipeline.web.api import (
    analytics,
    cameras,
    events,
    health,
    pictures,
    probe,
    recordings,
    session,
    system,
)
from pipeline.web.guard import Guard
from pipeline.web.live.socket import LiveViews, live
from pipeline.web.openapi import PREFIX, document
from pipeline.web.problem import Problem
from pipeline.web.site import Site

log = logging.getLogger("framelane")
STATIC = Path(__file__).parent / "static"
_WORDS = {
    HTTPStatus.NOT_FOUND: "nothing is at this path: docs/web.md lists the paths of the API",
    HTTPStatus.METHOD_NOT_ALLOWED: "this path has other methods: docs/web.md lists them",
}


def make_app(site: Site) -> ASGIApp:
    """Return the application that serves `site`, behind its guard."""
    app = Starlette(
        routes=_routes(),
        exception_handlers={
            Problem: _problem,
            HTTPException: _http_exception,
            UsageError: _usage_error,
            FramelaneError: _failure,
            Exception: _bug,
        },
    )
    app.state.site = site
    app.state.openapi = document(_api())
    app.state.views = LiveViews()
    host, _ = parse_address(site.serve.address)
    return Guard(app, site.access, HostNames(host, site.serve.hosts))


def _api() -> list[BaseRoute]:
    """Return the routes below /api/v1."""
    camera = "/cameras/{name}"
    return [
        Route("/session", session.show, methods=["GET"]),
        Route("/session", session.log_in, methods=["POST"]),
        Route("/session", session.log_out, methods=["DELETE"]),
        Route("/cameras", cameras.show_all, methods=["GET"]),
        Route(camera, cameras.show, methods=["GET"]),
        Route(camera, cameras.put, methods=["PUT"]),
        Route(camera, cameras.delete, methods=["DELETE"]),
        Route(f"{camera}/restart", cameras.restart, methods=["POST"]),
        Route(f"{camera}/snapshot.jpg", pictures.snapshot, methods=["GET"]),
        WebSocketRoute(f"{camera}/live", live),
        Route("/events", events.show_all, methods=["GET"]),
        Route("/events/{uuid}", events.show, methods=["GET"]),
        Route("/events/{uuid}/snapshot.jpg", events.snapshot, methods=["GET"]),
        Route("/events/{uuid}/clip.mp4", events.clip, methods=["GET"]),
        Route("/probe", probe.probe, methods=["POST"]),
        Route("/analytics", analytics.show, methods=["GET"]),
        Route("/analytics", analytics.put, methods=["PUT"]),
        Route("/recordings", recordings.show_all, methods=["GET"]),
        Route("/recordings/{name}/{path:path}", recordings.file, methods=["GET"]),
        Route("/stats", system.stats, methods=["GET"]),
        Route("/config", system.config, methods=["GET"]),
        Route("/openapi.json", system.openapi, methods=["GET"]),
    ]


def _routes() -> list[BaseRoute]:
    return [
        Route("/", _page, methods=["GET"]),
        Route("/livez", health.alive, methods=["GET"]),
        Route("/readyz", health.ready, methods=["GET"]),
        Route("/metrics", health.metrics, methods=["GET"]),
        Mount(PREFIX, routes=_api()),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]


async def _page(request: Request) -> Response:
    return FileResponse(STATIC / "index.html")


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return error.response()


async def _http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    return Problem(status, _WORDS.get(status, error.detail), error.headers).response()


async def _usage_error(request: Request, error: Exception) -> Response:
    return Problem(HTTPStatus.BAD_REQUEST, without_password(str(error))).response()


async def _bug(request: Request, error: Exception) -> Response:
    log.error("a request failed", exc_info=error)
    return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "a bug: the log shows more").response()


async def _failure(request: Request, error: Exception) -> Response:
    return Problem(HTTPStatus.CONFLICT, without_password(str(error))).response()
