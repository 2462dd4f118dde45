"""What the builder does with `events`: what is refused, and how long events are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from detector.errors import UsageError
from pipeline.build import build
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


def test_events_of_recordings_alone_are_not_deleted_for_their_age(tmp_path: Path) -> None:
    recorded = build(minimal_config(tmp_path, quick_clip(1), **events(tmp_path)))
    live = build(minimal_config(tmp_path, quick_clip(1), CAMERA, **events(tmp_path)))
    assert recorded.events and live.events
    assert recorded.events.config.keep_seconds is None
    assert live.events.config.keep_seconds == 30 * 86400
