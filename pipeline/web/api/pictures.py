"""The newest frame of a camera as a picture."""

from __future__ import annotations

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from pipeline.web.api.cameras import frame_tap_of, stream_named
from pipeline.web.in_thread import in_thread
from pipeline.web.live.frames import captured, jpeg, ticks_of
from pipeline.web.problem import Problem
from pipeline.web.site import site_of


async def snapshot(request: Request) -> Response:
    """Return the newest frame as JPEG, without boxes; headers say which moment it shows."""
    stream = stream_named(site_of(request).run, request.path_params["name"])
    item = frame_tap_of(stream).latest
    if item is None:
        raise Problem(HTTPStatus.NOT_FOUND, f"'{stream.name}' has no frame yet: try again later")
    headers = {"X-Ticks": str(ticks_of(item)), "X-Captured": f"{captured(item):.3f}"}
    content = await in_thread(lambda: jpeg(item.frame.picture.bgr))
    return Response(content, media_type="image/jpeg", headers=headers)
