"""The password that tests use, and how a test skips where something is missing."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest

PASSWORD = "hunter2"  # must not appear in a log or in a result


def absent(what: str, switch: str) -> NoReturn:
    """Skip the test, or fail it if the environment variable `switch` is 1."""
    if os.environ.get(switch) == "1":
        pytest.fail(f"{what} ({switch} is set)")
    pytest.skip(what)
