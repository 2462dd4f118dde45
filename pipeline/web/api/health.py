"""Health of the process, for whoever restarts it or sends it work."""

from __future__ import annotations

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from pipeline.web.in_thread import in_thread
from pipeline.web.metrics import CONTENT_TYPE
from pipeline.web.site import site_of


async def alive(request: Request) -> Response:
    """Answer 200 unless the watchdog has found a hanging stage."""
    hanging = site_of(request).hanging()
    if hanging:
        text = "".join(f"no progress: {name}\n" for name in hanging)
        return PlainTextResponse(text, HTTPStatus.SERVICE_UNAVAILABLE)
    return PlainTextResponse("alive\n")


async def ready(request: Request) -> Response:
    """Answer 200 once the engine runs, and as long as it does."""
    run = site_of(request).run
    reasons = []
    if not run.engine_is_open:
        reasons.append("the engine is not open yet")
    if run.pipeline.ending:
        reasons.append("the run is ending")
    if reasons:
        text = "".join(f"{reason}\n" for reason in reasons)
        return PlainTextResponse(text, HTTPStatus.SERVICE_UNAVAILABLE)
    return PlainTextResponse("ready\n")


async def metrics(request: Request) -> Response:
    """Return the metrics in Prometheus' text format."""
    text = await in_thread(site_of(request).metrics.text)
    return Response(text, media_type=CONTENT_TYPE)
