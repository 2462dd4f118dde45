"""Cameras: the streams of the run."""

from __future__ import annotations

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.config import SourceConfig
from pipeline.graph import StreamStages
from pipeline.report.figures import Figures, stream_figures
from pipeline.run import Run
from pipeline.sinks.frame_tap import FrameTap
from pipeline.web.allowed import refuse_forbidden
from pipeline.web.body import validated
from pipeline.web.in_thread import in_thread
from pipeline.web.problem import Problem
from pipeline.web.site import Site, site_of


async def show_all(request: Request) -> Response:
    """Return all cameras, in the order in which they were added."""
    run = site_of(request).run
    return JSONResponse({"cameras": [_figures(run, stream) for stream in run.streams]})


async def show(request: Request) -> Response:
    """Return one camera."""
    run = site_of(request).run
    return JSONResponse(_figures(run, stream_named(run, request.path_params["name"])))


async def put(request: Request) -> Response:
    """Add a camera; its outputs are those of the configuration."""
    site, name = site_of(request), request.path_params["name"]
    source = await validated(request, SourceConfig, name=name)
    refuse_forbidden(source, site.serve)
    if any(stream.name == name for stream in site.run.streams):
        raise Problem(HTTPStatus.CONFLICT, f"there is a camera '{name}': remove it first")
    await in_thread(lambda: _add(site, source))
    return JSONResponse(
        _figures(site.run, stream_named(site.run, name)),
        HTTPStatus.CREATED,
        {"Location": request.url.path},
    )


async def delete(request: Request) -> Response:
    """Remove a camera once all of it is written, and return its last figures."""
    site, name = site_of(request), request.path_params["name"]
    stream_named(site.run, name)
    last = await in_thread(lambda: _remove(site, name))
    return JSONResponse({"name": name, **last})


async def restart(request: Request) -> Response:
    """End a camera's stream and begin it anew."""
    run, name = site_of(request).run, request.path_params["name"]
    stream_named(run, name)
    await in_thread(lambda: run.restart(name))
    return JSONResponse(_figures(run, stream_named(run, name)))


def _add(site: Site, source: SourceConfig) -> None:
    site.run.add(source)
    if site.file:
        site.file.add_source(source.model_dump(mode="json", exclude_defaults=True))


def _remove(site: Site, name: str) -> Figures:
    last = site.run.remove(name)
    if site.file:
        site.file.remove_source(name)
    return last


def stream_named(run: Run, name: str) -> StreamStages:
    """Return the stream with this name; raises Problem."""
    for stream in run.streams:
        if stream.name == name:
            return stream
    raise Problem(HTTPStatus.NOT_FOUND, f"no camera '{name[:64]}'")


def frame_tap_of(stream: StreamStages) -> FrameTap:
    """Return the sink that has the newest frame of a stream."""
    sinks = (output.sink for output in stream.outputs)
    return next(sink for sink in sinks if isinstance(sink, FrameTap))


def _figures(run: Run, stream: StreamStages) -> Figures:
    newest = frame_tap_of(stream).latest
    picture = newest.frame.picture if newest else None
    analysis = newest.analysis if newest else None
    return {
        "name": stream.name,
        "live": stream.live,
        "size": {"width": picture.width, "height": picture.height} if picture else None,
        "counts": analysis.counts if analysis else {},
        "occupancy": analysis.occupancy if analysis else {},
        **stream_figures(run.pipeline, stream),
    }
