"""The log on the terminal: time, level and message, without credentials or control characters."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import click

from detector.terminal import printable, printable_lines
from pipeline.redaction import without_password

LONGEST = 4000  # characters of a message; what others send may be of any length

_FORM = logging.Formatter("%(asctime)s %(levelname).1s %(message)s")


class Terminal(logging.Handler):
    """Writes to the current standard error. Never raises: no thread may depend on its log."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record with its traceback, credentials and control characters removed."""
        with suppress(OSError, ValueError):  # standard error is full, closed, or without a reader
            click.echo(as_text(record), err=True)


def as_text(record: logging.LogRecord) -> str:
    """Return the record as a line, then its `block` and traceback, indented.

    block: lines of ours that belong to the message, passed as `extra`
    """
    try:
        message = record.getMessage()
    except Exception as error:  # a bug, which must not end the thread that logs
        message = f"{record.pathname}:{record.lineno}: a message without its arguments: {error!r}"
    blocks = [getattr(record, "block", ""), _traceback(record)]
    shown = logging.makeLogRecord(record.__dict__ | {"msg": "%s", "args": (_one_line(message),)})
    shown.exc_info = shown.exc_text = shown.stack_info = None
    lines = [printable_lines(without_password(block)) for block in blocks if block]
    return "\n    ".join([_FORM.format(shown), *lines])


def _one_line(message: str) -> str:
    rest = len(message) - LONGEST
    cut = f"{message[:LONGEST]}... ({rest} more characters)" if rest > 0 else message
    return printable(without_password(cut))


def _traceback(record: logging.LogRecord) -> str:
    try:
        return _FORM.formatException(record.exc_info) if record.exc_info else ""
    except Exception as error:  # an exception whose own text cannot be made
        return f"{type(error).__name__} while showing a traceback"


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
