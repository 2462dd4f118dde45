"""Values in the query of a request: numbers and moments."""

from __future__ import annotations

from datetime import datetime, timezone
from http import HTTPStatus
from math import isfinite

from starlette.requests import Request

from pipeline.web.problem import Problem


def number(request: Request, name: str, least: float, most: float) -> float | None:
    """Return a number in the query, None if it is absent; raises Problem."""
    given = request.query_params.get(name)
    if given is None:
        return None
    try:
        value = float(given)
    except ValueError:
        value = float("nan")
    if not least <= value <= most:
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            f"{name}: '{given[:30]}' given: a number from {least:g} to {most:g} is accepted",
        )
    return value


def seconds(request: Request, name: str) -> float | None:
    """Return a moment in the query in seconds since 1970, None if it is absent; raises Problem.

    It is such a number, or a time as in ISO 8601; one without a zone is UTC.
    """
    given = request.query_params.get(name)
    if given is None:
        return None
    try:
        value = float(given)
    except ValueError:
        value = _from_iso(given)
    if not isfinite(value):
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            f"{name}: '{given[:40]}' given: seconds since 1970 or an ISO 8601 time such as "
            "2026-11-28T18:00:00Z are accepted",
        )
    return value


def _from_iso(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=timezone.utc)
        return moment.timestamp()
    except (ValueError, OverflowError):
        return float("nan")
