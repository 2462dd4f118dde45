"""The section `attention`, for a run and for a source of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detector.errors import UsageError
from pipeline.assembly.run import build
from pipeline.attention.config import AttentionConfig, MaskConfig
from pipeline.config import RunConfig, load_config
from tests.support.runs import minimal_config, quick_clip


@pytest.mark.parametrize(("written", "mode"), [("on", "on"), ("off", "off"), ("{mode: on}", "on")])
def test_the_short_form_is_the_mode(written: str, mode: str, tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(f"attention: {written}\n")
    assert load_config(path, ()).attention.mode == mode


def test_a_wrong_mode_is_refused_with_those_that_are_accepted(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("attention: sometimes\n")
    with pytest.raises(UsageError, match="'auto', 'off', 'on' or 'shadow'"):
        load_config(path, ())


def attended(config: RunConfig) -> dict[str, bool]:
    return {stream.name: stream.attention is not None for stream in build(config).streams}


def test_a_source_may_differ_from_the_run(tmp_path: Path) -> None:
    sources: list[dict[str, Any]] = [
        quick_clip(5, name="as-the-run"),
        quick_clip(5, name="other", attention="off"),
    ]
    config = minimal_config(tmp_path, *sources, attention="on")
    assert attended(config) == {"as-the-run": True, "other": False}
    assert attended(minimal_config(tmp_path, quick_clip(5, name="one"))) == {"one": False}


def test_attention_is_on_for_cameras_with_a_tracker_and_off_for_recordings(tmp_path: Path) -> None:
    camera = {"url": "rtsp://127.0.0.1:9/1", "name": "camera"}
    recording = quick_clip(5, name="recording", realtime=True)
    config = minimal_config(tmp_path, camera, recording)
    assert attended(config) == {"camera": True, "recording": False}
    untracked = minimal_config(tmp_path, camera, recording, tracker="none")
    assert attended(untracked) == {"camera": False, "recording": False}


def test_attention_without_a_tracker_is_refused(tmp_path: Path) -> None:
    config = minimal_config(tmp_path, quick_clip(5), attention="on", tracker="none")
    with pytest.raises(UsageError, match="choose a tracker, or give attention: off"):
        build(config)


def test_masks_cover_cells_of_the_plane() -> None:
    left_half = MaskConfig(polygon=((0.0, 0.0), (0.49, 0.0), (0.49, 1.0), (0.0, 1.0)))
    ignored = AttentionConfig(masks=(left_half,)).ignored(72, 128)
    assert ignored is not None and ignored[:, :60].all() and not ignored[:, 68:].any()
    assert AttentionConfig().ignored(72, 128) is None
    assert np.array_equal(ignored, ignored & True)
