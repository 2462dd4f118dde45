"""The run as a whole: figures and configuration."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.run import run_figures
from pipeline.shown_config import shown_config
from pipeline.web.site import site_of


async def stats(request: Request) -> Response:
    """Return all figures of the run, as `--stats-json` writes them."""
    return JSONResponse(run_figures(site_of(request).run))


async def openapi(request: Request) -> Response:
    """Return the OpenAPI document of this API."""
    return JSONResponse(request.app.state.openapi)


async def config(request: Request) -> Response:
    """Return the effective configuration, without secrets."""
    return JSONResponse(shown_config(site_of(request).config))
