"""What the builder does with `events`: what is refused, and how long events are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from detector.errors import UsageError
from pipeline.assembly.run import build
from tests.support.runs import minimal_config, quick_clip

CAMERA = {"url": "rtsp://127.0.0.1:9/1", "name": "door"}


def events(folder: Path, **more: Any) -> dict[str, Any]:
    return {"events": {"folder": str(folder / "events"), **more}}


def test_events_of_objects_need_a_tracker(tmp_path: Path) -> None:
    untracked = {"tracker": {"name": "none"}}
    with pytest.raises(UsageError, match="choose a tracker, or give kinds"):
        build(minimal_config(tmp_path, quick_clip(1), **events(tmp_path), **untracked))
    build(
        minimal_config(tmp_path, quick_clip(1), **events(tmp_path, kinds=["camera"]), **untracked)
    )


@pytest.mark.parametrize("shape", ["lines", "zones"])
def test_a_line_or_zone_of_a_stream_that_the_run_does_not_have_is_refused(
    tmp_path: Path, shape: str
) -> None:
    shapes = {
        "lines": {"name": "gate", "start": [0, 0], "end": [1, 1], "streams": ["dor"]},
        "zones": {"name": "gate", "polygon": [[0, 0], [1, 0], [1, 1]], "streams": ["dor"]},
    }
    config = minimal_config(tmp_path, CAMERA, analytics={shape: [shapes[shape]]})
    with pytest.raises(UsageError, match="'gate': no stream 'dor'; did you mean 'door'"):
        build(config)
    build(config, more=True)  # the camera may be added later


def test_a_misspelt_key_of_a_camera_is_refused_with_the_right_one(tmp_path: Path) -> None:
    camera = CAMERA | {"recrod_url": "rtsp://127.0.0.1:9/2"}
    with pytest.raises(UsageError, match="'recrod_url'; did you mean 'record_url'"):
        build(minimal_config(tmp_path, camera))
