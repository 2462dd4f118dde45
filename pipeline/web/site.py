"""What the API shows and changes: one run, its configuration, and who has access."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import HTTPConnection

from pipeline.access.accounts import Access, Identity
from pipeline.access.config import ServeConfig
from pipeline.config import RunConfig
from pipeline.run import Run
from pipeline.web.metrics import RunCollector
from pipeline.web.saved import ConfigFile


@dataclass(frozen=True, slots=True)
class Site:
    """What handlers need; the application holds it as `app.state.site`.

    hanging: returns the names of the stages that the watchdog has found without progress
    file: where changes are saved; None: they are not
    """

    def save(self, section: str, content: Any) -> None:
        """Save a changed section, if changes are saved. Raises FramelaneError."""
        if self.file:
            self.file.set(section, content)

    run: Run
    config: RunConfig
    serve: ServeConfig
    access: Access
    metrics: RunCollector
    hanging: Callable[[], Sequence[str]]
    file: ConfigFile | None = None


def site_of(request: HTTPConnection) -> Site:
    """Return the site that a request is for."""
    site: Site = request.app.state.site
    return site


def identity_of(request: HTTPConnection) -> Identity | None:
    """Return who sends a request; None where nobody has to be known."""
    identity: Identity | None = request.state.identity
    return identity
