"""Logging in and out at the page."""

from __future__ import annotations

import logging
from http import HTTPStatus
from math import ceil

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.access.accounts import SESSION_SECONDS
from pipeline.web.body import validated
from pipeline.web.guard import COOKIE, session_of
from pipeline.web.in_thread import in_thread
from pipeline.web.problem import Problem
from pipeline.web.site import identity_of, site_of

log = logging.getLogger("framelane")


class Login(BaseModel):
    """A name and its password."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    name: str = Field(max_length=100)
    password: str = Field(max_length=1000, repr=False)


async def show(request: Request) -> Response:
    """Return who is logged in; `login` says whether somebody has to be."""
    access = site_of(request).access
    session = session_of(request.headers)
    identity = identity_of(request) or (access.by_session(session) if session else None)
    return JSONResponse(
        {
            "login": not access.open,
            "name": identity.name if identity else None,
            "role": identity.role.value if identity else None,
        }
    )


async def log_in(request: Request) -> Response:
    """Begin a session, in a cookie that scripts cannot read."""
    access = site_of(request).access
    login = await validated(request, Login)
    address = request.client.host if request.client else ""
    session = await in_thread(lambda: access.log_in(login.name, login.password, address))
    if isinstance(session, float):
        raise Problem(
            HTTPStatus.TOO_MANY_REQUESTS,
            f"too many failed logins: try again in {ceil(session)} s",
            {"Retry-After": str(ceil(session))},
        )
    if session is None:
        log.warning("a login failed, from %s", address)
        raise Problem(HTTPStatus.UNAUTHORIZED, "name or password is wrong")
    answer = JSONResponse({}, HTTPStatus.CREATED)
    answer.set_cookie(
        COOKIE,
        session,
        max_age=int(SESSION_SECONDS),
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return answer


async def log_out(request: Request) -> Response:
    """End the session."""
    if session := session_of(request.headers):
        site_of(request).access.log_out(session)
    answer = Response(status_code=HTTPStatus.NO_CONTENT)
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return answer
