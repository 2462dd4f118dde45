"""The WebSocket of a live view."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from time import time

from starlette.websockets import WebSocket, WebSocketDisconnect

from pipeline.graph import StreamStages
from pipeline.web.api.cameras import frame_tap_of, stream_named
from pipeline.web.live.camera_view import CameraView
from pipeline.web.live.frames import captured, ticks_of
from pipeline.web.live.viewer import Message, Viewer
from pipeline.web.problem import Problem
from pipeline.web.site import Site, site_of

MAX_VIEWERS = 64
STATUS_SECONDS = 1.0
NOT_FOUND, TRY_LATER, ENDED = 4404, 1013, 1001  # codes of WebSocket closes


class LiveViews:
    """The views of all cameras; on the server's event loop."""

    def __init__(self) -> None:
        self._views: dict[StreamStages, CameraView] = {}

    def of(self, site: Site, stream: StreamStages) -> CameraView:
        """Return the view of a camera."""
        current = set(site.run.streams)
        self._views = {each: view for each, view in self._views.items() if each in current}
        if stream not in self._views:
            self._views[stream] = CameraView(
                stream.name, stream.source.tap, frame_tap_of(stream), site.run.manifest.classes
            )
        return self._views[stream]

    @property
    def viewers(self) -> int:
        """How many look on, at all cameras."""
        return sum(view.viewers for view in self._views.values())


async def live(websocket: WebSocket) -> None:
    """Send a camera's video or JPEG, and its tracks, until one side ends.

    The query `mode=jpeg` asks for JPEG. Messages are described in docs/web.md.
    """
    site, views = site_of(websocket), websocket.app.state.views
    await websocket.accept()
    try:
        stream = stream_named(site.run, websocket.path_params["name"])
    except Problem as problem:
        await websocket.close(NOT_FOUND, problem.detail)
        return
    if views.viewers >= MAX_VIEWERS:
        await websocket.close(TRY_LATER, f"{MAX_VIEWERS} viewers look on: try again later")
        return
    viewer = Viewer(asyncio.get_running_loop())
    view = views.of(site, stream)
    view.join(viewer, video=websocket.query_params.get("mode") != "jpeg")
    tasks = [
        asyncio.ensure_future(each)
        for each in (_send(websocket, viewer), _tell(viewer, stream), _until_gone(websocket))
    ]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        view.leave(viewer)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    with suppress(RuntimeError, WebSocketDisconnect):  # it is closed already
        await websocket.close(ENDED)


async def _send(websocket: WebSocket, viewer: Viewer) -> None:
    while (message := await viewer.next()) is not None:
        if isinstance(message.data, str):
            await websocket.send_text(message.data)
        else:
            await websocket.send_bytes(message.data)


async def _tell(viewer: Viewer, stream: StreamStages) -> None:
    """Once a second, say how the camera is, and which moment its newest frame shows."""
    frames = frame_tap_of(stream)
    while True:
        content: dict[str, object] = {
            "type": "status",
            "state": stream.status.state.value if stream.status else "live",
            "left_out": viewer.left_out,
            "now": time(),
        }
        if item := frames.latest:
            content |= {"ticks": ticks_of(item), "captured": captured(item)}
        viewer.put(Message(json.dumps(content)))
        await asyncio.sleep(STATUS_SECONDS)


async def _until_gone(websocket: WebSocket) -> None:
    """Return when the viewer has gone; what it sends is not read."""
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass
