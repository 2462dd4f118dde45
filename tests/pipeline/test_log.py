"""The log on the terminal shows level and message, without credentials, and only while open."""

from __future__ import annotations

import logging

import pytest

from pipeline.log import log_on_terminal

LOG = logging.getLogger("framelane")


def test_messages_appear_on_standard_error_without_credentials(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with log_on_terminal():
        LOG.info("connected to rtsp://viewer:hunter2@cam/1")
        LOG.debug("not shown")
    LOG.info("not shown either")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(" I connected to rtsp://cam/1")


def test_the_settings_of_the_logger_are_restored() -> None:
    before = LOG.level, LOG.propagate, list(LOG.handlers)
    with log_on_terminal():
        assert (LOG.level, LOG.propagate) == (logging.INFO, False)
    assert (LOG.level, LOG.propagate, list(LOG.handlers)) == before
