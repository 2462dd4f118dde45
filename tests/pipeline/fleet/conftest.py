"""A fleet of three simulated nodes and six cameras, which all run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.fleet_simulation import Node, Simulation, assert_each_camera_runs_once


@pytest.fixture
def simulation(tmp_path: Path) -> Simulation:
    made = Simulation(tmp_path, {name: Node() for name in ("a", "b", "c")})
    made.begin()
    made.rounds()
    assert_each_camera_runs_once(made)
    return made
