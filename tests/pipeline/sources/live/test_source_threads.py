"""A camera takes as many threads as docs/architecture.md says, those of codecs included."""

from __future__ import annotations

import os
from pathlib import Path
from threading import enumerate as python_threads

import pytest

from pipeline.config import SourceConfig
from tests.support.cameras import Server, numbered, require_gstreamer, until, write_units
from tests.support.runs import minimal_config, more_of, running_well


def native_threads() -> int:
    """How many threads of this process are not Python's: those of codecs and runtimes."""
    return len(os.listdir("/proc/self/task")) - len(python_threads())


@pytest.mark.parametrize("attention", ["off", "on"])
def test_a_camera_adds_two_threads_and_one_for_each_output(tmp_path: Path, attention: str) -> None:
    require_gstreamer()
    clip = write_units(tmp_path / "clip.units", numbered())
    names = ["a", "b", "c"]
    with Server({name: {"clip": clip} for name in names}) as server:
        first, *others = (
            {"url": server.url(name), "name": name, "attention": attention} for name in names
        )
        with running_well(minimal_config(tmp_path, first)) as run:
            more_of(run, "a")
            before = native_threads()
            for options in others:
                run.add(SourceConfig.model_validate(options))
            more_of(run, "b", "c")
            until(lambda: native_threads() <= before)
            threads = sorted(
                each.name for each in python_threads() if each.name.startswith(("b/", "c/"))
            )
    assert threads == ["b/b.jsonl", "b/decode", "b/track", "c/c.jsonl", "c/decode", "c/track"]
