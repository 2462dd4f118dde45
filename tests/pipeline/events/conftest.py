"""A local time with clock changes."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest


@pytest.fixture
def local_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the local time be that of Berlin: UTC+1, in summer UTC+2."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")  # needs no database of time zones
        time.tzset()
        yield
    time.tzset()
