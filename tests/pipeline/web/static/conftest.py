"""One browser for all tests of the page in a process, and a site where something happens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from detector.engines import ENGINES, EngineEntry
from tests.support.browser import chromium
from tests.support.passing_object import PassingObject, passing_object


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PassingObject]:
    monkeypatch.setitem(ENGINES, "blue", EngineEntry("tests.support.blue_engine"))
    with passing_object(tmp_path) as found:
        yield found
