"""The log on the terminal: time, level and message, without credentials."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import click

from pipeline.redaction import without_password

_LINE = logging.Formatter("%(asctime)s %(levelname).1s %(message)s")


class Terminal(logging.Handler):
    """Writes to the current standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record with its traceback, credentials removed."""
        click.echo(without_password(_LINE.format(record)), err=True)


@contextmanager
def log_on_terminal() -> Iterator[None]:
    """Show Framelane's log messages of level INFO and above while this context is open."""
    log, handler = logging.getLogger("framelane"), Terminal()
    level, propagate = log.level, log.propagate
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
        log.propagate = propagate
