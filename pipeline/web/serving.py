"""From a run and its configuration to the server that shows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from detector.errors import UsageError
from pipeline.access.accounts import Access
from pipeline.config import RunConfig
from pipeline.run import Run
from pipeline.web.app import make_app
from pipeline.web.metrics import RunCollector
from pipeline.web.saved import ConfigFile
from pipeline.web.server import Server
from pipeline.web.site import Site


def web_server(
    run: Run,
    config: RunConfig,
    hanging: Callable[[], Sequence[str]] = tuple,
    file: Path | None = None,
) -> Server:
    """Return the server that `config.serve` describes; it serves while it is open.

    hanging: returns the names of the stages without progress, see Watchdog
    file: where the configuration is from; with `serve.save` changes are written there
    Raises UsageError for an address that is malformed, in use, or open to everybody.
    """
    assert config.serve
    if config.serve.save and file is None:
        raise UsageError("serve.save: given, but there is no configuration file: give --config")
    site = Site(
        run,
        config,
        config.serve,
        Access(config.serve),
        RunCollector(run, config),
        hanging,
        ConfigFile(file) if file and config.serve.save else None,
    )
    return Server(make_app(site), config.serve.address)
