"""From a run and its configuration to the server that shows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pipeline.access.accounts import Access
from pipeline.config import RunConfig
from pipeline.run import Run
from pipeline.web.app import make_app
from pipeline.web.metrics import RunCollector
from pipeline.web.server import Server
from pipeline.web.site import Site


def web_server(run: Run, config: RunConfig, hanging: Callable[[], Sequence[str]] = tuple) -> Server:
    """Return the server that `config.serve` describes; it serves while it is open.

    hanging: returns the names of the stages without progress, see Watchdog
    Raises UsageError for an address that is malformed, in use, or open to everybody.
    """
    assert config.serve
    access = Access(config.serve)
    site = Site(run, config, config.serve, access, RunCollector(run, config), hanging)
    return Server(make_app(site), config.serve.address)
