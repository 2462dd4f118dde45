"""One Ray cluster for all tests here; a test that ends its head puts another in its place."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.ray_cluster import ClusterHolder


@pytest.fixture(scope="session")
def clusters() -> Iterator[ClusterHolder]:
    with ClusterHolder() as holder:
        yield holder
