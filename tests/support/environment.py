"""The password that tests use, and what a test does where something is absent."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest

PASSWORD = "hunter2"  # what tests use as one: none of them may leave it in a log or in a result


def absent(what: str, switch: str) -> NoReturn:
    """Skip the test visibly, or fail it where the switch is set: there it was promised."""
    if os.environ.get(switch) == "1":
        pytest.fail(f"{what} ({switch} is set)")
    pytest.skip(what)
