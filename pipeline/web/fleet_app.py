"""The page of a fleet: its status for people and programs, and the metrics of all nodes."""

from __future__ import annotations

from http import HTTPStatus

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from pipeline.access.accounts import Access
from pipeline.access.address import HostNames, parse_address
from pipeline.access.config import ServeConfig
from pipeline.fleet.coordinator import Coordinator
from pipeline.fleet.status import is_healthy, status_text
from pipeline.web.fleet_metrics import fleet_metrics
from pipeline.web.guard import Guard
from pipeline.web.in_thread import in_thread
from pipeline.web.metrics import CONTENT_TYPE


def fleet_app(coordinator: Coordinator, serve: ServeConfig) -> ASGIApp:
    """Return the application that shows a fleet, behind the guard that every page has.

    Raises UsageError for an address that is open to everybody.
    """

    async def page(request: Request) -> Response:
        return PlainTextResponse(status_text(coordinator.status()) + "\n")

    async def status(request: Request) -> Response:
        return JSONResponse(coordinator.status())

    async def metrics(request: Request) -> Response:
        texts = await in_thread(coordinator.metrics)
        text = await in_thread(lambda: fleet_metrics(coordinator.status(), texts))
        return Response(text, media_type=CONTENT_TYPE)

    async def alive(request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def ready(request: Request) -> Response:
        healthy = is_healthy(coordinator.status())
        code = HTTPStatus.OK if healthy else HTTPStatus.SERVICE_UNAVAILABLE
        return PlainTextResponse("ok\n" if healthy else "not all cameras are live\n", code)

    app = Starlette(
        routes=[
            Route("/", page),
            Route("/api/v1/fleet", status),
            Route("/metrics", metrics),
            Route("/livez", alive),
            Route("/readyz", ready),
        ]
    )
    host, _ = parse_address(serve.address)
    return Guard(app, Access(serve), HostNames(host, serve.hosts))
