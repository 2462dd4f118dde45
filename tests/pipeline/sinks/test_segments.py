"""Segments: named after their start, deleted by age and size, and resumed after a full disk."""

from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.errors import UsageError
from pipeline.frames.fate import Fate, NotWritten, Ticket
from pipeline.frames.item import tickets_of
from pipeline.frames.result import Tracked
from pipeline.rate_limited_log import RateLimitedLog
from pipeline.sinks import Sink, SinkError, make_sink
from pipeline.sinks.retention import Retention, SegmentNames
from pipeline.sinks.segments import Segments
from pipeline.sinks.standstill import CHECK_SECONDS
from pipeline.sinks.video_file import VideoFileSink
from tests.support import footage
from tests.support.ffmpeg import times_by_ffprobe

BASE = Fraction(1, 25)


def record(sink: Sink, frames: Iterable[Tracked]) -> list[Ticket | NotWritten]:
    """Run the sink from beginning to end, and return the fates of the frames."""
    sink.open()
    fates = [fate for frame in frames for fate in sink.process(frame)]
    fates += sink.finish()
    sink.close()
    return fates


def camera(count: int, **options: Any) -> Iterator[Tracked]:
    """Yield frames at 25 per second, captured from this moment on."""
    now = time.monotonic()
    for item in footage.noise(range(count), BASE, **options):
        yield replace(item, frame=replace(item.frame, captured_at=now + float(item.frame.time)))


def segments(folder: Path, name: str = "%Y%m%d-%H%M%S.mp4", **options: Any) -> Sink:
    return make_sink(str(folder / name), classes=footage.CLASSES, options=options)


def test_each_segment_is_a_complete_video_from_0_and_together_they_have_every_frame(
    tmp_path: Path,
) -> None:
    fates = record(segments(tmp_path, segment_seconds=1.0), camera(90))
    files = sorted(tmp_path.iterdir())
    times = [times_by_ffprobe(path) for path in files]
    assert [len(each) for each in times] == [25, 25, 25, 15]
    assert all(each == [k * BASE for k in range(len(each))] for each in times)
    assert sorted(tickets_of(fate)[0].index for fate in fates) == list(range(90))


def test_a_segment_is_named_after_the_moment_of_its_first_frame_in_utc(tmp_path: Path) -> None:
    now = datetime.now(timezone.utc).timestamp()
    record(segments(tmp_path, "%Y-%m-%d/%H-%M-%S.mp4", segment_seconds=2.0), camera(60))
    files = sorted(tmp_path.glob("*/*.mp4"))
    starts = [
        datetime.strptime(f"{path.parent.name} {path.stem} +0000", "%Y-%m-%d %H-%M-%S %z")
        for path in files
    ]
    assert [moment.timestamp() - now for moment in starts] == pytest.approx([0, 2], abs=2)


def test_two_segments_of_one_second_have_two_names_and_no_file_is_overwritten(
    tmp_path: Path,
) -> None:
    names = SegmentNames(tmp_path / "%H%M%S.mp4")
    moment = datetime(2026, 11, 23, 12, 0, 7)
    (tmp_path / "120007.mp4").touch()
    (tmp_path / "120007~2.incomplete.mp4").touch()
    assert names.at(moment) == tmp_path / "120007~3.mp4"


def test_a_segment_ends_when_it_is_large_enough(tmp_path: Path) -> None:
    record(segments(tmp_path, segment_bytes=40_000, preset="ultrafast"), camera(200))
    sizes = [path.stat().st_size for path in sorted(tmp_path.iterdir())]
    assert len(sizes) > 2
    assert all(
        40_000 <= size < 200_000 for size in sizes[:-1]
    )  # the size grows by a group of pictures


def test_frames_of_another_size_start_a_new_segment(tmp_path: Path) -> None:
    small = list(camera(10))
    large = [
        replace(item, frame=replace(item.frame, index=10 + k, ticks=10 + k, scene=1))
        for k, item in enumerate(camera(10, size=(96, 64)))
    ]
    record(segments(tmp_path), [*small, *large])
    assert len(list(tmp_path.iterdir())) == 2


def test_segments_of_json_lines_keep_the_times_of_the_stream(tmp_path: Path) -> None:
    record(segments(tmp_path, "%Y%m%d-%H%M%S.jsonl", segment_seconds=1.0), camera(50))
    files = sorted(tmp_path.iterdir())
    lines = [json.loads(line) for path in files for line in path.read_text().splitlines()]
    assert len(files) == 2
    assert [line["seconds"] for line in lines] == pytest.approx([k / 25 for k in range(50)])


@given(
    ages=st.lists(st.integers(0, 1000), unique=True, max_size=8),
    sizes=st.lists(st.integers(1, 50), min_size=8, max_size=8),
    keep_seconds=st.none() | st.integers(1, 1000),
    keep_bytes=st.none() | st.integers(1, 300),
)
def test_the_oldest_segments_are_deleted_until_both_limits_are_met(
    tmp_path_factory: pytest.TempPathFactory,
    ages: list[int],
    sizes: list[int],
    keep_seconds: int | None,
    keep_bytes: int | None,
) -> None:
    folder = tmp_path_factory.mktemp("rec")
    now = time.time()
    existing = {}
    for age, size in zip(ages, sizes, strict=False):
        path = folder / f"2026-{age:02d}.mp4" if age < 100 else folder / f"{age}.mp4"
        path = folder / f"{(age // 60) % 24:02d}{age % 60:02d}{age % 60:02d}.mp4"
        if path in existing:
            continue
        path.write_bytes(bytes(size))
        os.utime(path, (now - age, now - age))
        existing[path] = (age, size)
    stranger = folder / "holiday.mp4"
    stranger.write_bytes(bytes(1000))
    being_written = max(existing, key=lambda path: existing[path][0], default=None)  # the oldest
    names = SegmentNames(folder / "%H%M%S.mp4")
    Retention(names, keep_seconds, keep_bytes, RateLimitedLog("rec")).apply(being_written)
    remaining = {path for path in existing if path.exists()}
    assert stranger.exists()
    assert being_written is None or being_written in remaining
    gone = existing.keys() - remaining
    others = remaining - {being_written}
    if keep_seconds is not None:
        assert all(existing[path][0] <= keep_seconds + 1 for path in others)
    if keep_bytes is not None:
        assert not others or sum(existing[path][1] for path in remaining) <= keep_bytes
    assert all(existing[a][0] >= existing[b][0] for a in gone for b in others)
    if keep_seconds is None and keep_bytes is None:
        assert not gone


def test_folders_made_by_the_template_are_deleted_with_their_last_segment(
    tmp_path: Path,
) -> None:
    names = SegmentNames(tmp_path / "rec/%Y-%m-%d/%H%M%S.mp4")
    old, young = tmp_path / "rec/2026-01-01/120000.mp4", tmp_path / "rec/2026-01-02/120000.mp4"
    for path, age in ((old, 100), (young, 0)):
        path.parent.mkdir(parents=True)
        path.touch()
        os.utime(path, (time.time() - age,) * 2)
    (tmp_path / "rec/notes").mkdir()
    Retention(names, 50, None, RateLimitedLog("rec")).apply(None)
    assert not old.parent.exists()
    assert young.exists() and (tmp_path / "rec/notes").exists()


def test_old_segments_are_deleted_while_new_ones_are_written(tmp_path: Path) -> None:
    sink = segments(tmp_path, segment_seconds=1.0, keep_bytes=1)
    record(sink, camera(110))
    assert len(list(tmp_path.iterdir())) <= 2  # the current one, and the one before


@dataclass
class Clock:
    """A clock that the test sets."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Fragile(Sink):
    """Writes three frames late, and fails while `full[0]` is set."""

    path: Path
    full: list[bool]
    held: list[Ticket] = field(default_factory=list)

    def process(self, item: Tracked) -> Iterable[Ticket]:
        if self.full[0]:
            cause = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            raise SinkError(f"cannot write '{self.path}': {cause.strerror}") from cause
        self.held.append(item.frame.ticket)
        return [self.held.pop(0)] if len(self.held) > 3 else []

    def finish(self) -> Iterable[Ticket]:
        return self.held


def test_while_the_disk_is_full_frames_are_lost_and_then_recording_resumes(
    tmp_path: Path,
) -> None:
    full, clock = [False], Clock()
    sink = Segments(tmp_path / "%H%M%S.txt", lambda path: Fragile(path, full), clock)
    fates: list[Ticket | NotWritten] = []
    for item in camera(60):
        full[0] = 20 <= item.frame.index < 40
        clock.now += CHECK_SECONDS if item.frame.index == 45 else 0.0
        fates += sink.process(item)
    fates += sink.finish()
    assert sorted(tickets_of(fate)[0].index for fate in fates) == list(range(60))
    lost = {fate.ticket.index for fate in fates if isinstance(fate, NotWritten)}
    assert lost == {17, 18, 19, *range(20, 45)}  # three were held back, the others found no space
    assert all(fate.fate is Fate.FAILED for fate in fates if isinstance(fate, NotWritten))
    assert sink.interruptions == [
        f"{tmp_path}/%H%M%S.txt: No space left on device: recording stopped"
    ]


def test_a_real_full_disk_leaves_playable_segments_and_recording_resumes(
    disk: Path,
) -> None:
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(300_000))
    clock = Clock()
    sink = Segments(
        disk / "%H%M%S.mp4",
        lambda path: VideoFileSink(path, preset="ultrafast"),
        clock,
        segment_seconds=1.0,
    )
    fates: list[Ticket | NotWritten] = []
    frames = camera(10_000)
    while not sink.interruptions:
        fates += sink.process(next(frames))
    stopped_at = len(fates)
    ballast.unlink()
    clock.now += CHECK_SECONDS
    for _ in range(20):
        fates += sink.process(next(frames))
    fates += sink.finish()
    sink.close()
    assert any(isinstance(fate, Ticket) for fate in fates[stopped_at:])
    written = sum(isinstance(fate, Ticket) for fate in fates)
    readable = 0
    for path in disk.glob("*.mp4"):
        with suppress(KeyError):  # the last one may be empty
            times = times_by_ffprobe(path)
            assert all(a < b for a, b in pairwise(times))
            readable += len(times)
    assert readable >= written - 50  # all but the open group of pictures, of two seconds
    assert "No space left on device" in sink.interruptions[0]


@pytest.mark.parametrize(
    ("name", "options", "complaint"),
    [
        ("%Q.mp4", {}, "'%Q' given: the name of a segment may have %Y"),
        ("%H.mp4", {"segment_seconds": 0}, "segment_seconds: 0.0 given: it must be above 0"),
        ("%H.mp4", {"keep_bytes": -1}, "keep_bytes: -1 given: it must be above 0"),
        ("%H.mp4", {"keep_byte": 1}, "unknown option 'keep_byte'"),
        ("%H.avi", {}, "no sink writes that"),
    ],
)
def test_wrong_options_of_segments_are_refused_before_anything_is_written(
    tmp_path: Path, name: str, options: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(UsageError, match=complaint):
        segments(tmp_path, name, **options)
