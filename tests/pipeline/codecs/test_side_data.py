"""Side data is read, and a frame is freed as soon as nothing needs it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import pytest
from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame

from pipeline.codecs.side_data import side_data
from tests.support.cameras import until
from tests.support.recordings import write_recording
from tests.support.runs import emitted, minimal_config, running_well

FRAMES = 40


def frames_in_memory() -> int:
    return sum(type(each) is VideoFrame for each in gc.get_objects())


@contextmanager
def without_collector() -> Iterator[None]:
    """Nothing looks for circles of objects: only what nothing refers to is freed."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def test_what_is_asked_of_a_frame_does_not_keep_it() -> None:
    with without_collector():
        before = frames_in_memory()
        for _ in range(FRAMES):
            frame = av.VideoFrame(16, 16, "yuv420p")
            assert side_data(frame, Type.DISPLAYMATRIX) is None
            del frame
        assert frames_in_memory() < before + FRAMES // 4  # others' threads may decode


@pytest.mark.parametrize("attention", ["off", "on"])
def test_a_run_frees_the_frames_that_it_has_written(tmp_path: Path, attention: str) -> None:
    write_recording(tmp_path / "a.mp4", frames=FRAMES)
    annotated = str(tmp_path / "{stream}.out.mp4")
    config = minimal_config(
        tmp_path,
        {"url": str(tmp_path / "a.mp4"), "name": "a", "attention": attention},
        outputs=[annotated],
    )
    with without_collector():
        before = frames_in_memory()
        with running_well(config) as run:
            until(lambda: emitted(run, "a") == FRAMES)
        assert frames_in_memory() < before + FRAMES // 4  # an encoder may keep some
