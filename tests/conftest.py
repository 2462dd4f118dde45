"""Where tests find their data, and what happens where it is absent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real clips and data sets: skips visibly, fails where REQUIRE_DATA=1."""
    folder = Path(os.environ.get("FRAMELANE_DATA", ROOT / "../shared/data")).resolve()
    if not folder.is_dir():
        message = f"no data at {folder}: set FRAMELANE_DATA to the folder of test data"
        if os.environ.get("REQUIRE_DATA") == "1":
            pytest.fail(message)
        pytest.skip(message)
    return folder


@pytest.fixture(scope="session")
def reference() -> Path:
    """The folder of reference numbers of the original networks and losses."""
    return Path(os.environ.get("REFERENCE_DIR", ROOT / "tests" / "reference"))
