"""Clips of real RTSP cameras: the lead-in of long groups of pictures, and lost connections."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from time import monotonic, time

import av
import numpy as np
import pytest

from pipeline.clips.footage import live_footage
from pipeline.events.record import ClipState, EventKind, EventRecord, Moment, Phase, new_uuid
from pipeline.sources import Decoded
from pipeline.sources.live.source import Live
from pipeline.sources.street.frame_counter import read_counter
from tests.support.cameras import FPS, GOP, Server, numbered, require_gstreamer, until, write_units
from tests.support.clips import clips, making, plays, sidecar_of, stored

PRE = 5  # seconds


def numbers(source: Live) -> Iterator[tuple[int, Decoded]]:
    """Yield the frames of a camera with the numbers that are drawn in them."""
    for item in source:
        if isinstance(item, Decoded):
            number = read_counter(item.picture.bgr)
            assert number is not None
            yield number, item


def moment(frame: Decoded) -> Moment:
    assert frame.pts is not None
    wall = time() - (monotonic() - frame.captured_at)
    return Moment(frame.pts, frame.pts / 90_000, wall)


def times_by_number(clip: Path) -> dict[int | None, float]:
    """Return when each number is shown in a clip, in seconds."""
    with av.open(str(clip)) as container:
        return {
            read_counter(np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)): frame.time or 0.0
            for frame in container.decode(video=0)
        }


def event_at(frame: Decoded) -> EventRecord:
    return EventRecord(
        "door", EventKind.OBJECT, moment(frame), uuid=new_uuid(), clip_state=ClipState.PENDING
    )


@pytest.mark.timeout(300)
def test_a_clip_shows_the_seconds_before_its_event_with_keyframes_every_ten_seconds(
    tmp_path: Path,
) -> None:
    """An event is noted a second late, 2 s into the second group; 5 s before is in the first."""
    require_gstreamer()
    clip = write_units(tmp_path / "clip", numbered(frames=750), gop=250)
    with Server({"door": {"clip": clip}}) as server, making(tmp_path, post_seconds=1) as (maker, _):
        source = Live(server.url("door"), "door")
        maker.add("door", live_footage(source.tap, PRE, late_seconds=1.5), ["person"])
        with closing(source):
            source.open()
            frames = numbers(source)
            first, frame = next(each for each in frames if each[0] >= 300)
            record = event_at(frame)
            next(each for each in frames if each[0] >= first + FPS)
            maker.put(record, Phase.START)
            _, frame = next(each for each in frames if each[0] >= first + 2 * FPS)
            maker.put(replace(record, end=moment(frame)), Phase.END)
            next(each for each in frames if maker.figures.ready)
    (done,) = stored(tmp_path)
    assert done.clip_state is ClipState.READY
    (path,) = clips(tmp_path)
    assert plays(path)
    shown = times_by_number(path)
    assert min(number or 0 for number in shown) == 0  # the keyframe before
    assert shown[first] - shown[first - PRE * FPS] == pytest.approx(PRE, abs=0.02)
    assert set(range(first - PRE * FPS, first + 2 * FPS)) <= set(shown)
    assert sidecar_of(tmp_path, done).clip.missing is None


@pytest.mark.timeout(300)
def test_a_camera_that_is_away_for_a_while_goes_on_in_the_same_clip(tmp_path: Path) -> None:
    require_gstreamer()
    clip = write_units(tmp_path / "clip", numbered(frames=500), gop=GOP)
    with Server({"door": {"clip": clip}}) as server, making(tmp_path, pre_seconds=1) as (maker, _):
        source = Live(server.url("door"), "door", retry_seconds=0.1, max_retry_seconds=0.1)
        maker.add("door", live_footage(source.tap, 1), ["person"])
        with closing(source):
            source.open()
            frames = numbers(source)
            _, frame = next(each for each in frames if each[0] >= 50)
            maker.put(event_at(frame), Phase.START)
            last, _ = next(each for each in frames if each[0] >= 75)
            server.kill()
            server.start()
            next(each for each in frames if 40 <= each[0] < 75)  # it began again
        until(lambda: maker.figures.ready == 1, "the clip")
    (done,) = stored(tmp_path)
    (path,) = clips(tmp_path)
    assert plays(path)
    missing = str(sidecar_of(tmp_path, done).clip.missing)
    assert "s within it: the connection was lost" in missing
    with av.open(str(path)) as container:
        found = [
            read_counter(np.asarray(frame.to_ndarray(format="bgr24"), np.uint8))
            for frame in container.decode(video=0)
        ]
    assert last in found
    assert set(range(10, 40)) <= set(found[found.index(last) :])
