"""The log as lines on the terminal: when, what, and never a password."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import click

from pipeline.redaction import without_password

_LINE = logging.Formatter("%(asctime)s %(levelname).1s %(message)s")


class Terminal(logging.Handler):
    """Writes to whatever standard error is at that moment."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record, a traceback included, with credentials taken out."""
        click.echo(without_password(_LINE.format(record)), err=True)


@contextmanager
def log_on_terminal() -> Iterator[None]:
    """Show what Framelane logs, from level INFO on, while this is open."""
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
