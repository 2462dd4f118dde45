"""The number of OpenVINO streams depends on the number of cameras."""

from __future__ import annotations

import os

import pytest

from pipeline.assembly.engine import engine_options
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
def test_one_stream_per_camera_if_there_are_fewer_cameras_than_cores(
    sources: list[dict[str, object]],
    cores: int,
    streams: int | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)))
    config = RunConfig.model_validate({"sources": sources})
    assert engine_options("openvino", config).get("streams") == streams


def test_the_users_option_takes_precedence() -> None:
    config = RunConfig.model_validate({"sources": [CAMERA], "model": {"streams": 2}})
    assert engine_options("openvino", config) == {"streams": 2}


def test_an_engine_without_the_option_does_not_get_it() -> None:
    config = RunConfig.model_validate({"sources": [CAMERA]})
    assert engine_options("fake", config) == {}
