"""The OpenAPI document of the API, made from its routes and their handlers."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from pydantic import BaseModel
from starlette.routing import BaseRoute, Route

from pipeline.analytics.config import AnalyticsConfig
from pipeline.config import SourceConfig
from pipeline.web.api import analytics, cameras, events, probe, recordings, session
from pipeline.web.problem import PROBLEM_JSON

Handler = Callable[..., Any]
Document = dict[str, Any]

PREFIX = "/api/v1"
BODIES: dict[Handler, type[BaseModel]] = {
    analytics.put: AnalyticsConfig,
    cameras.put: SourceConfig,
    probe.probe: SourceConfig,
    session.log_in: session.Login,
}
_TIME = "seconds since 1970, or ISO 8601"
QUERIES: dict[Handler, dict[str, str]] = {
    events.show_all: {
        "camera": "name of a camera",
        "class": "class of the object",
        "place": "name of a line or zone",
        "kind": "object, zone, line, dwell or camera",
        "state": "open or ended",
        "min_score": "0 to 1",
        "since": f"start of the event: {_TIME}",
        "until": f"start of the event: {_TIME}",
        "before": "`next` of the page before",
        "limit": f"events in the answer, up to {events.MAX_PAGE}",
    },
    recordings.show_all: {"camera": "its name; required", "since": _TIME, "until": _TIME},
}
MEDIA = {".jpg": "image/jpeg", ".mp4": "video/mp4"}


def document(routes: Iterable[BaseRoute]) -> Document:
    """Return the OpenAPI 3.1 document of HTTP routes below PREFIX."""
    paths: Document = {}
    for route in routes:
        if isinstance(route, Route):
            path = f"{PREFIX}{route.path}".replace(":path}", "}")
            for method in (route.methods or set()) - {"HEAD"}:
                paths.setdefault(path, {})[method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Framelane", "version": _version()},
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {
                "Problem": {
                    "type": "object",
                    "description": "RFC 9457; `detail` says what is accepted and what to do",
                    "properties": {
                        "type": {"type": "string"},
                        "title": {"type": "string"},
                        "status": {"type": "integer"},
                        "detail": {"type": "string"},
                    },
                }
            },
        },
        "security": [{"token": []}],
    }


def _operation(route: Route) -> Document:
    handler = route.endpoint
    words = inspect.getdoc(handler) or ""
    operation: Document = {
        "operationId": f"{handler.__module__.rpartition('.')[2]}_{handler.__name__}",
        "summary": words.partition("\n")[0],
        "parameters": list(_parameters(route)),
        "responses": {
            "2XX": {"description": "done", "content": {_media(route.path): {}}},
            "default": {
                "description": "why it was refused",
                "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
            },
        },
    }
    if handler in BODIES:
        schema = BODIES[handler].model_json_schema()
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema}},
        }
    return operation


def _parameters(route: Route) -> Iterator[Document]:
    for name in route.param_convertors:
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
    for name, meaning in QUERIES.get(route.endpoint, {}).items():
        yield {"name": name, "in": "query", "description": meaning, "schema": {"type": "string"}}


def _media(path: str) -> str:
    return next(
        (kind for ending, kind in MEDIA.items() if path.endswith(ending)), "application/json"
    )


def _version() -> str:
    try:
        return version("framelane")
    except PackageNotFoundError:  # it runs from a folder that was not installed
        return "0"
