"""What the API shows and changes: one run, its configuration, and who has access."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import HTTPConnection

from pipeline.access.accounts import Access, Identity
from pipeline.access.config import ServeConfig
from pipeline.config import RunConfig
from pipeline.run import Run


@dataclass(frozen=True, slots=True)
class Site:
    """What handlers need; the application holds it as `app.state.site`."""

    run: Run
    config: RunConfig
    serve: ServeConfig
    access: Access


def site_of(request: HTTPConnection) -> Site:
    """Return the site that a request is for."""
    site: Site = request.app.state.site
    return site


def identity_of(request: HTTPConnection) -> Identity | None:
    """Return who sends a request; None where nobody has to be known."""
    identity: Identity | None = request.state.identity
    return identity
