"""The example runs that come with the package can be read, and those of cameras can be built."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.assembly.run import build
from pipeline.config import load_config
from tests.support.paths import ROOT

EXAMPLES = sorted((ROOT / "configs/runs").glob("*.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_a_configuration(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOOR_PASSWORD", "x")
    assert load_config(path, []).sources


@pytest.mark.parametrize("name", ["site.yaml", "cameras.yaml"])
def test_an_example_of_cameras_can_be_built(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOOR_PASSWORD", "x")
    monkeypatch.chdir(tmp_path)
    run = build(load_config(ROOT / "configs/runs" / name, []))
    assert [stream.name for stream in run.streams] == ["door", "yard"]
    assert list(tmp_path.iterdir()) == []
