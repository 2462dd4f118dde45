"""The application of the review page, behind the guard that every page has."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from detector.errors import UsageError
from pipeline.access.accounts import Access
from pipeline.access.address import HostNames, parse_address
from pipeline.access.config import ServeConfig
from pipeline.review.pictures import Pictures
from pipeline.review.requests import Edit, Filter, frame_content, summary
from pipeline.review.workspace import Changed, Workspace
from pipeline.web.app import STATIC
from pipeline.web.body import validated
from pipeline.web.guard import Guard
from pipeline.web.in_thread import in_thread
from pipeline.web.openapi import PREFIX
from pipeline.web.problem import Problem

PAGE = Path(STATIC, "review", "index.html")
WAIT_SECONDS = 20.0  # for a picture that is not read yet


def review_app(workspace: Workspace, pictures: Pictures, address: str) -> ASGIApp:
    """Return the application; raises UsageError for an address that other machines reach."""

    async def page(request: Request) -> Response:
        return FileResponse(PAGE)

    async def show(request: Request) -> Response:
        return JSONResponse(summary(workspace))

    async def frame(request: Request) -> Response:
        number = int(request.path_params["frame"])
        return JSONResponse(
            {"version": workspace.version, "boxes": frame_content(workspace, number)}
        )

    async def picture(request: Request) -> Response:
        number = int(request.path_params["frame"])
        data = await in_thread(lambda: pictures.jpeg(number, WAIT_SECONDS))
        if data is None:
            why = pictures.failure or "it is not read yet: try again"
            raise Problem(HTTPStatus.NOT_FOUND, f"frame {number} has no picture: {why}")
        return Response(data, media_type="image/jpeg", headers={"Cache-Control": "max-age=3600"})

    async def find(request: Request) -> Response:
        wanted = await validated(request, Filter)
        return JSONResponse({"found": wanted.found(workspace.clip.boxes, workspace.classes)})

    async def edit(request: Request) -> Response:
        wanted = await validated(request, Edit)
        await in_thread(lambda: wanted.apply(workspace))
        return JSONResponse(summary(workspace))

    async def save(request: Request) -> Response:
        await in_thread(workspace.save)
        return JSONResponse(summary(workspace))

    frames = "/frames/{frame:int}"
    api = [
        Route("/review", show, methods=["GET"]),
        Route(f"/review{frames}", frame, methods=["GET"]),
        Route(f"/review{frames}.jpg", picture, methods=["GET"]),
        Route("/review/find", find, methods=["POST"]),
        Route("/review/edits", edit, methods=["POST"]),
        Route("/review/save", save, methods=["POST"]),
    ]
    app = Starlette(
        routes=[
            Route("/", page, methods=["GET"]),
            Mount(PREFIX, routes=api),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        exception_handlers={Problem: _problem, UsageError: _refused},
    )
    return Guard(
        app, Access(ServeConfig(address=address)), HostNames(parse_address(address)[0], ())
    )


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return error.response()


async def _refused(request: Request, error: Exception) -> Response:
    status = HTTPStatus.CONFLICT if isinstance(error, Changed) else HTTPStatus.BAD_REQUEST
    return Problem(status, str(error)).response()
