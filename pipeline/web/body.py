"""Bodies of requests: JSON objects, validated."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from detector.settings import explain
from pipeline.web.problem import Problem

Model = TypeVar("Model", bound=BaseModel)


async def json_object(request: Request) -> dict[str, Any]:
    """Return the JSON object in the body; raises Problem."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send `Content-Type: application/json` and JSON"
        )
    try:
        content = json.loads(await request.body())
    except (ValueError, RecursionError):  # not JSON, not UTF-8, or nested too deep
        content = None
    if not isinstance(content, dict):
        raise Problem(HTTPStatus.BAD_REQUEST, "the body is no JSON object: send one")
    return content


async def validated(request: Request, model: type[Model], **also: Any) -> Model:
    """Return the body as a `model`; also: keys that the path or query gives. Raises Problem."""
    content = await json_object(request)
    try:
        return model.model_validate({**content, **also})
    except ValidationError as error:
        raise Problem(HTTPStatus.BAD_REQUEST, explain(error, model, ".".join)) from None
