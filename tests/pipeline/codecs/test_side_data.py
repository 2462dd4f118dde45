"""Side data is read, and a frame is freed as soon as nothing needs it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import av
import pytest
from av.sidedata.sidedata import Type

from pipeline.codecs.side_data import side_data
from tests.support.cameras import until
from tests.support.decoded_frames import frames_in_memory
from tests.support.recordings import write_recording
from tests.support.runs import emitted, minimal_config, running_well

FRAMES = 40


@contextmanager
def without_collector() -> Iterator[None]:
    """Nothing looks for circles of objects: only what nothing refers to is freed."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def test_frames_are_counted_without_harm_to_other_threads() -> None:
    counted, errors = Event(), []

    def make_tuples() -> None:
        while not counted.is_set():
            try:
                tuple(number for number in range(1000))
            except SystemError as error:
                errors.append(error)

    thread = Thread(target=make_tuples)
    thread.start()
    frames = [av.VideoFrame(16, 16, "yuv420p") for _ in range(FRAMES)]
    try:
        assert all(frames_in_memory() >= len(frames) for _ in range(10))
    finally:
        counted.set()
        thread.join()
    assert not errors


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
