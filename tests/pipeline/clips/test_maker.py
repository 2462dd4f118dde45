"""Clips of cameras: where they begin and end, what they hold, and what is said where they fail."""

from __future__ import annotations

import json
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from pipeline.clips.footage import Footage, LiveFootage, live_footage
from pipeline.events.record import ClipState, EventKind, EventRecord, Phase
from pipeline.frames.frame import Frame
from pipeline.frames.picture import Picture
from pipeline.frames.result import Tracked
from pipeline.frames.stream import Stream
from pipeline.packets.ring import Ring
from pipeline.packets.tap import ConnectionEnded, Tap, Tapped
from tests.support.cameras import FPS, until
from tests.support.clips import (
    at_end,
    clips,
    codecs,
    counters,
    event,
    making,
    plays,
    put,
    sidecar_of,
    stored,
)
from tests.support.ffmpeg import times_by_ffprobe
from tests.support.packets import later, packets_of, sounds, with_audio
from trackers.tracks import Tracks, TrackState

GOP = 50  # frames: 2 s


def ring_of(items: Iterable[Tapped], seconds: float = 60, max_bytes: int = 64 << 20) -> Ring:
    ring = Ring("clips", seconds, max_bytes)
    for item in items:
        ring.put(item)
    return ring


def filmed(seconds: int, bframes: int = 0) -> list[Tapped]:
    """Return a connection of this length, with a keyframe every 2 s."""
    packets, sent = packets_of(seconds * FPS, gop=GOP, bframes=bframes)
    return [packets, *sent]


def made(folder: Path, footage: Footage | None, *records: EventRecord, **options: float) -> None:
    """Make the clips of these events until the stream ends."""
    with making(folder, **options) as (maker, _):
        maker.add("door", footage, ["person"])
        put(maker, records)


def test_a_clip_begins_at_the_keyframe_before_its_margin_and_ends_after_the_other(
    tmp_path: Path,
) -> None:
    footage = LiveFootage(ring_of(filmed(30)))
    made(tmp_path, footage, event(11.0, 14.0), pre_seconds=3.5, post_seconds=2.5)
    (record,) = stored(tmp_path)
    assert (record.clip_state, record.clip_reason) == (ClipState.READY, None)
    (clip,) = clips(tmp_path)
    assert clip == tmp_path / str(record.clip)
    # 7.5 s is wanted, and a keyframe is at 6 s; 16.5 s is between frames 412 and 413
    assert counters(clip) == list(range(150, 414))
    assert plays(clip)
    assert times_by_ffprobe(clip) == [Fraction(k, FPS) for k in range(264)]


def test_a_sidecar_says_what_was_requested_and_what_the_clip_holds(tmp_path: Path) -> None:
    footage = LiveFootage(ring_of(filmed(30)))
    made(tmp_path, footage, event(11.0, 14.0), pre_seconds=3.5, post_seconds=2.5)
    (record,) = stored(tmp_path)
    (clip,) = clips(tmp_path)
    form = json.loads(clip.with_suffix(".json").read_text())
    facts = form["clip"]
    assert facts["requested_start"]["seconds"] == 7.5
    assert facts["requested_end"]["seconds"] == 16.5
    assert (facts["start"]["pts"], facts["start"]["seconds"]) == (540_000, 6.0)
    assert facts["end"]["seconds"] == pytest.approx(414 / FPS)
    assert facts["start"]["wall"] - record.start.wall == pytest.approx(-5.0)
    assert facts["bytes"] == clip.stat().st_size
    assert facts["missing"] is None
    assert [each["uuid"] for each in form["events"]] == [record.uuid]
    assert form["events"][0]["sequence"] == 1
    assert form["events"][0]["clip"] == facts["path"] == record.clip
    assert form["events"][0]["end"]["seconds"] == 14.0


def test_overlapping_events_extend_one_clip_and_others_get_their_own(tmp_path: Path) -> None:
    packets, *sent = filmed(60)
    ring = ring_of([packets, *sent[: 13 * FPS]])
    records = [event(10, 12), event(15, 20), event(11, 13), event(26.5, 27), event(40, 41)]
    with making(tmp_path, pre_seconds=3, post_seconds=3) as (maker, _):
        maker.add("door", LiveFootage(ring), ["person"])
        put(maker, records[:3])
        for item in sent[13 * FPS :]:
            ring.put(item)
        put(maker, records[3:])
    found = {each.uuid: each for each in stored(tmp_path)}
    names = [found[each.uuid].clip for each in records]
    assert names[0] == names[1] == names[2]
    assert len({names[0], names[3], names[4]}) == 3  # 26.5 - 3 is after 20 + 3
    assert counters(tmp_path / str(names[0])) == list(range(150, 577))
    uuids = {each.uuid for each in sidecar_of(tmp_path, found[records[0].uuid]).events}
    assert uuids == {each.uuid for each in records[:3]}


def test_packets_are_written_while_the_event_goes_on_so_that_the_ring_stays_small(
    tmp_path: Path,
) -> None:
    packets, *sent = filmed(40)
    ring = ring_of([packets, *sent[:250]], seconds=2)
    with making(tmp_path, pre_seconds=1, post_seconds=1) as (maker, _):
        maker.add("door", LiveFootage(ring), ["person"])
        record = event(9.0)
        maker.put(record, Phase.START)
        for item in sent[250:800]:
            ring.put(item)
        until(lambda: ring.seconds < 5, "what was written leaves the ring")
        until(lambda: _sizes(tmp_path / "clips", ".mp4.part")[:1] > [0], "what was written")
        for item in sent[800:803]:
            ring.put(item)
        assert clips(tmp_path) == []
        maker.put(at_end(record, 31.0), Phase.END)
        until(lambda: clips(tmp_path) != [], "the clip")
    assert counters(clips(tmp_path)[0]) == list(range(200, 802))


def _sizes(folder: Path, ending: str) -> list[int]:
    return [path.stat().st_size for path in folder.rglob(f"*{ending}")]


def test_events_extend_a_clip_while_it_is_written(tmp_path: Path) -> None:
    """Each begins within the margin after the one before, at the last moment."""
    packets, sent = packets_of(40 * FPS, gop=GOP)
    ring = ring_of([packets, *sent[: 10 * FPS]], seconds=3)
    with making(tmp_path, pre_seconds=0.5, post_seconds=0.5) as (maker, _):
        maker.add("door", LiveFootage(ring), ["person"])
        for number in range(10 * FPS, 39 * FPS):
            ring.put(sent[number])
            if number % 10 == 0:
                put(maker, [event(number / FPS, number / FPS + 0.1)])
    paths = {each.clip for each in stored(tmp_path)}
    assert len(stored(tmp_path)) == 73
    found = [number for path in sorted(map(str, paths)) for number in counters(tmp_path / path)]
    assert set(range(10 * FPS - 12, 39 * FPS)) <= set(found)
    assert all(plays(path) for path in clips(tmp_path))


def test_a_long_event_is_cut_off_and_its_end_comes_into_the_sidecar(tmp_path: Path) -> None:
    footage = LiveFootage(ring_of(filmed(40)))
    limits = {"pre_seconds": 2.0, "post_seconds": 2.0, "max_seconds": 10.0}
    with making(tmp_path, **limits) as (maker, _):
        maker.add("door", footage, ["person"])
        record, late = event(10.0), event(25.0)
        maker.put(record, Phase.START)
        until(lambda: maker.figures.ready == 1, "the clip")
        maker.put(record, Phase.UPDATE)
        maker.put(late, Phase.START)
        maker.put(at_end(record, 30.0), Phase.END)
        maker.put(at_end(late, 30.0), Phase.END)
    first, second = stored(tmp_path)
    assert (first.clip_state, second.clip_state) == (ClipState.READY, ClipState.READY)
    assert first.clip != second.clip
    assert counters(tmp_path / str(first.clip)) == list(range(200, 452))
    sidecar = sidecar_of(tmp_path, first)
    assert sidecar.clip.missing == "the rest: it is as long as a clip may be"
    assert [each.end and each.end.seconds for each in sidecar.events] == [30.0]
    assert sidecar.events[0].clip_state is ClipState.READY


def test_a_clip_goes_on_after_a_lost_connection_with_the_time_between(tmp_path: Path) -> None:
    packets, sent = packets_of(250, gop=GOP)
    again, resent = packets_of(250, gop=GOP)
    items: list[Tapped] = [packets, *sent, ConnectionEnded(), again, *later(resent, 13.0)]
    made(tmp_path, LiveFootage(ring_of(items)), event(8, 15), pre_seconds=2, post_seconds=2)
    (record,) = stored(tmp_path)
    (clip,) = clips(tmp_path)
    assert counters(clip) == [*range(150, 250), *range(102)]
    times = times_by_ffprobe(clip)
    assert times[99] == Fraction(99, FPS)
    assert times[100] == Fraction(7)  # 13 s - 6 s
    assert "3.0 s within it: the connection was lost" in str(
        sidecar_of(tmp_path, record).clip.missing
    )


def test_a_clip_ends_where_the_camera_comes_back_with_another_format(tmp_path: Path) -> None:
    packets, sent = packets_of(250, gop=GOP)
    again, resent = packets_of(250, gop=GOP, size=(640, 96))
    items: list[Tapped] = [packets, *sent, ConnectionEnded(), again, *later(resent, 11.0)]
    made(tmp_path, LiveFootage(ring_of(items)), event(8, 15), pre_seconds=2, post_seconds=2)
    (record,) = stored(tmp_path)
    assert counters(clips(tmp_path)[0]) == list(range(150, 250))
    missing = sidecar_of(tmp_path, record).clip.missing
    assert missing == "its end: the camera's format has changed"


def test_all_that_is_shown_before_the_end_is_there_although_frames_are_reordered(
    tmp_path: Path,
) -> None:
    footage = LiveFootage(ring_of(filmed(20, bframes=3)))
    made(tmp_path, footage, event(8, 10), pre_seconds=2, post_seconds=0.02)
    found = counters(clips(tmp_path)[0])
    assert found[:101] == list(range(150, 251))
    assert len(found) <= 105


def test_audio_is_in_the_clip(tmp_path: Path) -> None:
    packets, video = packets_of(20 * FPS, gop=GOP)
    audio = sounds(8000, 20 * 50)
    items = sorted([*video, *audio], key=lambda each: (_seconds(each.pts, each.track), each.track))
    ring = ring_of([with_audio("aac", 8000, packets), *items])
    made(tmp_path, LiveFootage(ring), event(8, 10), pre_seconds=2, post_seconds=2)
    assert codecs(clips(tmp_path)[0]) == ["h264", "aac"]


def _seconds(pts: int | None, track: int) -> float:
    return (pts or 0) / (8000 if track else 90_000)


def test_a_beginning_that_the_ring_does_not_hold_is_said(tmp_path: Path) -> None:
    made(tmp_path, LiveFootage(ring_of(filmed(30), seconds=5)), event(12, 25), pre_seconds=2)
    (record,) = stored(tmp_path)
    sidecar = sidecar_of(tmp_path, record)
    assert sidecar.clip.start.seconds == 24.0
    assert str(sidecar.clip.missing).startswith("its beginning: it was noted too late")


def test_a_stream_without_packets_has_no_clips(tmp_path: Path) -> None:
    made(tmp_path, None, event(1, 2))
    assert [each.clip_state for each in stored(tmp_path)] == [ClipState.NONE]
    assert not (tmp_path / "clips").exists()


def test_events_that_want_no_clip_are_handed_on(tmp_path: Path) -> None:
    lost = event(1, 2, kind=EventKind.CAMERA, clip_state=ClipState.NONE)
    made(tmp_path, LiveFootage(ring_of(filmed(4))), lost)
    assert [each.clip_state for each in stored(tmp_path)] == [ClipState.NONE]


def test_a_clip_without_packets_fails_and_says_why(tmp_path: Path) -> None:
    made(tmp_path, LiveFootage(ring_of([])), event(1, 2))
    (record,) = stored(tmp_path)
    assert record.clip_state is ClipState.FAILED
    assert record.clip_reason == "no packets of that time came from the source"
    assert record.clip is None


def test_a_camera_that_sends_nothing_more_does_not_hold_up_its_clip(tmp_path: Path) -> None:
    hours = 7200.0
    clock = [0.0]
    with making(tmp_path, clock=lambda: clock[0]) as (maker, _):
        maker.add("door", LiveFootage(ring_of(filmed(10))), ["person"])
        maker.put(event(8.0), Phase.START)
        clock[0] = hours
        until(lambda: maker.figures.ready == 1, "the clip")
    (record,) = stored(tmp_path)
    missing = str(sidecar_of(tmp_path, record).clip.missing)
    assert "its end: the source sent nothing more" in missing


def test_where_the_tracks_were_is_in_the_sidecar(tmp_path: Path) -> None:
    packets, *sent = filmed(20)
    ring = ring_of([packets, *sent[:250]])
    with making(tmp_path, pre_seconds=2, post_seconds=1) as (maker, _):
        maker.add("door", LiveFootage(ring), ["person", "car"])
        for frame in range(200):
            maker.observe(_tracked(frame))
        record = event(7.5)
        maker.put(record, Phase.START)
        for frame in range(200, 300):
            maker.observe(_tracked(frame))
        maker.put(at_end(record, 10.0), Phase.END)
        for item in sent[250:]:
            ring.put(item)
    (stored_record,) = stored(tmp_path)
    (track,) = sidecar_of(tmp_path, stored_record).tracks
    assert (track.track, track.class_name) == (3, "car")
    pts = [box[0] for box in track.boxes]
    assert pts == [frame * 3600 for frame in range(100, 276, 5)]  # from 4 s on, every 0.2 s
    assert track.boxes[0][1:] == (100.0, 20.0, 140.0, 60.0)


def _tracked(number: int) -> Tracked:
    stream = Stream("door", "rtsp://door", Fraction(1, FPS), live=True)
    picture = Picture.of(np.zeros((64, 512, 3), np.uint8))
    ticks = number * 3600
    frame = Frame(stream, number, ticks, ticks, Fraction(1, 90_000), 0.0, picture)
    box = np.array([[number, 20, number + 40, 60]], np.float32)
    one = np.array([0.9], np.float32), np.array([1], np.int64), np.array([3], np.int64)
    return Tracked(frame, Tracks(box, *one, np.array([TrackState.CONFIRMED], np.int8)))


def test_a_full_disk_fails_one_clip_and_the_next_one_is_made(disk: Path, tmp_path: Path) -> None:
    folder = tmp_path / "events"
    folder.mkdir()
    (disk / "clips").mkdir()
    (folder / "clips").symlink_to(disk / "clips")  # the store itself has space
    ring = ring_of(filmed(60))
    full = disk / "full"
    with making(folder) as (maker, _):
        maker.add("door", LiveFootage(ring), ["person"])
        full.write_bytes(bytes(590_000))
        put(maker, [event(20, 50)])
        until(lambda: maker.figures.failed == 1, "the failure")
        full.unlink()
        put(maker, [event(52, 53)])
        ring.close()
    first, second = stored(folder)
    assert (first.clip_state, first.clip) == (ClipState.FAILED, None)
    assert first.clip_reason == "it cannot be written: No space left on device"
    assert second.clip_state is ClipState.READY
    assert [path.suffix for path in sorted((disk / "clips/door").iterdir())] == [".json", ".mp4"]
    assert plays(clips(folder)[0])


def test_the_tap_of_a_source_fills_the_ring_and_its_end_ends_the_clip(tmp_path: Path) -> None:
    tap = Tap()
    footage = live_footage(tap, pre_seconds=5)
    packets, sent = packets_of(300, gop=GOP)
    tap.connected(packets)
    with making(tmp_path) as (maker, _):
        maker.add("door", footage, ["person"])
        for each in sent:
            tap.put(each)
        maker.put(event(7.0), Phase.START)
        tap.close()
        until(lambda: maker.figures.ready == 1, "the clip")
    assert counters(clips(tmp_path)[0]) == list(range(50, 300))
    assert tap.queues[0].accepted == 300


def test_a_removed_stream_ends_its_clips(tmp_path: Path) -> None:
    with making(tmp_path) as (maker, _):
        maker.add("door", LiveFootage(ring_of(filmed(12))), ["person"])
        maker.put(event(7.0), Phase.START)
        maker.ended("door")
        until(lambda: maker.figures.ready == 1, "the clip")
        maker.put(event(8.0), Phase.START)
    assert [each.clip_state for each in stored(tmp_path)] == [ClipState.READY, ClipState.NONE]


class _Broken:
    """Footage that has a bug."""

    grows = True
    suffix = ".mp4"

    def begin(self, seconds: float, epochs: object) -> _Broken:
        return self

    cut = None
    lost = 0

    def read(self, count: int) -> tuple[list[object], bool]:
        raise ZeroDivisionError

    def close(self) -> None: ...


def test_a_bug_fails_one_clip_and_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with making(tmp_path) as (maker, _):
        maker.add("door", _Broken(), ["person"])  # type: ignore[arg-type]
        maker.add("yard", LiveFootage(ring_of(filmed(12))), ["person"])
        maker.put(event(7.0), Phase.START)
        until(lambda: maker.figures.failed == 1, "the failure")
        put(maker, [event(7.0, 8.0, stream="yard")])
    assert [each.clip_state for each in stored(tmp_path)] == [ClipState.FAILED, ClipState.READY]
    assert "ZeroDivisionError" in caplog.text


def test_an_event_is_stored_before_its_clip_is_settled(tmp_path: Path) -> None:
    """A clip that fails at once, or is ready at once, must not stay pending in the store."""
    ring = ring_of(filmed(12))
    ring.close()
    records = [event(0.1 * k, 0.1 * k + 0.1, stream=f"cam{k}") for k in range(40)]
    with making(tmp_path) as (maker, _):
        for number, record in enumerate(records):
            footage = LiveFootage(ring if number % 2 else ring_of([]))
            maker.add(record.stream, footage, ["person"])
            put(maker, [record])
            maker.ended(record.stream)
    states = [each.clip_state for each in stored(tmp_path)]
    assert states == [ClipState.FAILED, ClipState.READY] * 20


def test_closing_again_and_putting_afterwards_does_nothing(tmp_path: Path) -> None:
    with making(tmp_path) as (maker, _):
        maker.add("door", LiveFootage(ring_of(filmed(12))), ["person"])
        maker.close()
        maker.close()
        maker.put(event(7.0), Phase.START)
    assert [each.clip_state for each in stored(tmp_path)] == [ClipState.NONE]
