"""Lines and zones: shown, and replaced as a whole."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.analytics.board import Posted
from pipeline.analytics.config import AnalyticsConfig
from pipeline.web.body import validated
from pipeline.web.in_thread import in_thread
from pipeline.web.problem import Problem
from pipeline.web.site import site_of


async def show(request: Request) -> Response:
    """Return the lines and zones of all cameras; the ETag names this set."""
    return _shown(site_of(request).run.analytics.posted)


async def put(request: Request) -> Response:
    """Replace the set that If-Match names, unless somebody else has replaced it meanwhile."""
    site = site_of(request)
    wanted = await validated(request, AnalyticsConfig)
    posted = site.run.analytics.replace(wanted, _version(request))
    if posted is None:
        raise Problem(
            HTTPStatus.PRECONDITION_FAILED,
            "somebody else has changed the lines and zones meanwhile: load them again, then repeat "
            "your change",
        )
    await in_thread(lambda: site.save("analytics", _section(posted.config)))
    return _shown(posted)


def _version(request: Request) -> int:
    given = request.headers.get("if-match", "").strip().removeprefix("W/").strip('"')
    if not given:
        raise Problem(
            HTTPStatus.PRECONDITION_REQUIRED, "send If-Match with the ETag of the set you changed"
        )
    return int(given) if given.isascii() and given.isdecimal() and len(given) < 10 else 0


def _section(config: AnalyticsConfig) -> dict[str, Any]:
    """Return the section as a configuration has it, without what is at its default."""
    return config.model_dump(mode="json", exclude_defaults=True)


def _shown(posted: Posted) -> JSONResponse:
    content = {"lines": [], "zones": [], **_section(posted.config)}
    return JSONResponse(content, headers={"ETag": f'"{posted.version}"'})
