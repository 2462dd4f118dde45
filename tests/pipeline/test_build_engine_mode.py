"""OpenVINO is told how many pictures to work on at once by how many cameras wait for it."""

from __future__ import annotations

import os

import pytest

from pipeline.build import engine_options
from pipeline.config import RunConfig

CAMERA = {"url": "rtsp://127.0.0.1/cam"}
RECORDING = {"url": "clip.mp4"}
PACED = {"url": "clip.mp4", "realtime": True}


@pytest.mark.parametrize(
    ("sources", "cores", "streams"),
    [
        ([CAMERA], 8, 1),
        ([CAMERA, PACED], 8, 2),
        ([RECORDING], 8, None),
        ([CAMERA, RECORDING], 8, None),
        ([CAMERA] * 3, 2, None),
        ([CAMERA], 1, None),
    ],
)
def test_few_cameras_want_latency_all_else_wants_throughput(
    sources: list[dict[str, object]],
    cores: int,
    streams: int | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)))
    config = RunConfig.model_validate({"sources": sources})
    assert engine_options("openvino", config).get("streams") == streams


def test_what_the_user_says_stands() -> None:
    config = RunConfig.model_validate({"sources": [CAMERA], "model": {"streams": 2}})
    assert engine_options("openvino", config) == {"streams": 2}


def test_other_engines_are_told_nothing() -> None:
    config = RunConfig.model_validate({"sources": [CAMERA]})
    assert engine_options("fake", config) == {}
