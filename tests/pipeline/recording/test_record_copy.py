"""Recording by copying: where files begin, which are deleted, what a full disk or a kill costs."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from fractions import Fraction
from itertools import count
from pathlib import Path
from time import monotonic, time
from typing import Any

import pytest

from pipeline.packets.tap import NO_KEYFRAME, ConnectionEnded, Tapped
from pipeline.recording.record_copy import RecordCopy, RecordingError
from pipeline.sinks.standstill import CHECK_SECONDS, STOPPED
from tests.support.cameras import FPS, GOP
from tests.support.disks import small_disk
from tests.support.environment import absent
from tests.support.ffmpeg import times_by_ffprobe
from tests.support.packets import in_file, later, packets_of, sounds, with_audio
from tests.support.paths import ROOT

NAME = "%Y%m%d-%H%M%S.mp4"


def record(recorder: RecordCopy, items: Iterable[Tapped]) -> None:
    """Run the recorder from beginning to end."""
    with closing(recorder):
        recorder.open()
        for item in items:
            assert list(recorder.process(item)) == []
        assert list(recorder.finish()) == []


def copy(folder: Path, name: str = NAME, **options: Any) -> RecordCopy:
    return RecordCopy(folder / name, **{"segment_seconds": 1.2} | options)


def connection(frames: int, *, after: float = 0.0, **options: Any) -> list[Tapped]:
    """Return the items of one connection, which begins `after` seconds from now."""
    packets, sent = packets_of(frames, **options)
    return [packets, *later(sent, after), ConnectionEnded()]


def lengths(folder: Path) -> list[int]:
    """Return the number of frames of each file, in order; each begins at 0."""
    found = []
    for path in sorted(folder.rglob("*.mp4")):
        shown = times_by_ffprobe(path)
        assert shown == [Fraction(k, FPS) for k in range(len(shown))], path
        found.append(len(shown))
    return found


def test_files_begin_at_keyframes_and_together_have_every_packet(tmp_path: Path) -> None:
    recorder = copy(tmp_path)  # 1.2 s: three groups and no more
    items = connection(100)
    record(recorder, items)
    assert lengths(tmp_path) == [30, 30, 30, 10]
    assert recorder.written == 100
    assert recorder.left_out == {}
    assert recorder.segments == 4


def test_a_file_is_named_after_the_moment_of_its_first_packet_in_utc(tmp_path: Path) -> None:
    now = time()
    record(copy(tmp_path, "%Y-%m-%d/%H-%M-%S.mp4", segment_seconds=2), connection(100))
    starts = [
        datetime.strptime(f"{path.parent.name} {path.stem}", "%Y-%m-%d %H-%M-%S")
        for path in sorted(tmp_path.glob("*/*.mp4"))
    ]
    moments = [each.replace(tzinfo=timezone.utc).timestamp() - now for each in starts]
    assert moments == pytest.approx([0, 2], abs=3)
    assert moments[1] - moments[0] in (2, 1, 3)


def test_a_file_ends_when_it_is_large_enough(tmp_path: Path) -> None:
    record(copy(tmp_path, segment_seconds=60, segment_bytes=1), connection(60))
    assert lengths(tmp_path) == [20, 20, 20]  # the size is known with the second group


def test_each_connection_and_each_format_has_files_of_its_own(tmp_path: Path) -> None:
    larger = connection(20, after=4, size=(640, 96))
    record(copy(tmp_path, segment_seconds=60), [*connection(20), *connection(20, after=2), *larger])
    assert lengths(tmp_path) == [20, 20, 20]


def test_packets_before_the_first_keyframe_of_a_file_are_counted(tmp_path: Path) -> None:
    packets, sent = packets_of(30)
    recorder = copy(tmp_path)
    record(recorder, [packets, *sent[5:]])
    assert lengths(tmp_path) == [20]
    assert recorder.left_out == {NO_KEYFRAME: 5}


def test_audio_that_begins_late_begins_a_file(tmp_path: Path) -> None:
    packets, video, audio = _with_audio(60)
    late = [each for each in audio if each.pts >= 8000 * 30 // FPS]  # after the opening
    items = sorted([*video, *late], key=lambda each: (each.arrived_at, each.track))
    recorder = copy(tmp_path, name="%Y%m%d-%H%M%S.mov", segment_seconds=60)
    record(recorder, [packets, *items])
    tracks = [set(in_file(path)) for path in sorted(tmp_path.glob("*.mov"))]
    assert tracks == [{0}, {0, 1}]


def _with_audio(frames: int) -> tuple[Any, list[Any], list[Any]]:
    packets, video = packets_of(frames)
    begin = video[0].arrived_at
    audio = [
        replace(each, arrived_at=begin + (each.pts or 0) / 8000)
        for each in sounds(8000, frames * 2)
    ]
    return with_audio("pcm_mulaw", 8000, packets), video, audio


def test_old_files_are_deleted(tmp_path: Path) -> None:
    old = tmp_path / "20200101-000000.mp4"
    old.write_bytes(bytes(1000))
    record(copy(tmp_path, keep_bytes=1), connection(90))
    assert not old.exists()
    assert lengths(tmp_path) == [30]  # the last: while it was written, the others were too many


@dataclass
class Spans:
    """Events at these seconds since 1970."""

    events: Sequence[tuple[float, float]]

    def overlaps(self, start: float, end: float) -> bool:
        return any(start <= last and first <= end for first, last in self.events)


def test_with_events_only_the_files_around_them_are_kept(tmp_path: Path) -> None:
    packets, sent = packets_of(500)  # 20 s, in files of 1.2 s
    past = later(sent, -120)  # so long ago that all events are known
    began = time() - (monotonic() - past[0].captured_at)
    moments = count(0.0, CHECK_SECONDS)
    recorder = copy(
        tmp_path,
        spans=Spans([(began + 6.5, began + 7.0)]),
        pre_seconds=1.0,
        post_seconds=2.0,
        settle_seconds=0.0,
        clock=lambda: next(moments),
    )
    record(recorder, [packets, *past, sent[0]])
    starts = [
        datetime.strptime(path.stem.partition("~")[0] + " +0000", "%Y%m%d-%H%M%S %z").timestamp()
        for path in sorted(tmp_path.glob("*.mp4"))
    ]
    assert [moment - began for moment in starts[:-1]] == pytest.approx(
        [4.8, 6.0, 7.2, 8.4],  # of those at 0, 1.2, 2.4, ... the ones that overlap 5.5 to 9.0
        abs=1.01,  # names have whole seconds
    )
    assert recorder.deleted == recorder.segments - 5


def test_a_second_run_with_the_same_files_is_refused(tmp_path: Path) -> None:
    first, second = copy(tmp_path), copy(tmp_path)
    with closing(first):
        first.open()
        with closing(second), pytest.raises(RecordingError, match="another run is writing it"):
            second.open()


def test_a_real_full_disk_stops_recording_with_a_reason_and_it_resumes(tmp_path: Path) -> None:
    packets, sent = packets_of(200, gop=2, size=(640, 480))
    seconds = 0.0
    try:
        with small_disk(tmp_path / "disk", "600k") as disk:
            ballast = disk / "ballast"
            ballast.write_bytes(bytes(520_000))
            recorder = copy(disk, segment_seconds=60, clock=lambda: seconds)
            with closing(recorder):
                recorder.open()
                recorder.process(packets)
                for each in sent:
                    recorder.process(each)
                (reason,) = recorder.interruptions
                assert "No space left on device" in reason
                (broken,) = disk.glob("*.incomplete.mp4")
                readable = len(times_by_ffprobe(broken))
                ballast.unlink()
                for path in disk.glob("*.incomplete.mp4"):
                    path.unlink()
                seconds = CHECK_SECONDS + 1
                for each in later(sent[:50], 10):
                    recorder.process(each)
                recorder.finish()
                assert recorder.left_out[STOPPED] > 0
                assert recorder.written + recorder.left_out.total() == len(sent) + 50
                assert 0 < recorder.written - 50 <= readable
                assert lengths(disk) == [50]
    except OSError as error:
        absent(str(error), "REQUIRE_DISKS")


def test_a_name_that_the_disk_refuses_stops_recording_with_a_reason(tmp_path: Path) -> None:
    recorder = copy(tmp_path, name="x" * 300 + "%H%M%S.mp4")
    record(recorder, connection(30))
    (reason,) = recorder.interruptions
    assert "File name too long: recording stopped" in reason
    assert recorder.left_out == {STOPPED: 30}


def test_recording_is_said_to_resume_only_when_a_file_can_be_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    seconds = 0.0
    folder = tmp_path / "rec"
    recorder = copy(folder, "%Y/%m%d%H%M%S.mp4", clock=lambda: seconds)
    packets, sent = packets_of(30)
    with closing(recorder):
        recorder.open()
        (folder / datetime.now(timezone.utc).strftime("%Y")).touch()  # in place of a folder
        recorder.process(packets)
        for said in (False, False, True):
            if said:
                for path in folder.glob("2*"):
                    path.unlink()
            for each in later(sent, seconds):
                recorder.process(each)
            seconds += CHECK_SECONDS + 1
            assert ("recording resumes" in caplog.text) is said
        recorder.finish()
    assert lengths(folder) == [30]


CHILD = """
import sys
from pathlib import Path
from pipeline.recording.record_copy import RecordCopy
from tests.support.packets import packets_of
packets, sent = packets_of(75)
recorder = RecordCopy(Path(sys.argv[1]), segment_seconds=1.2)
recorder.open()
recorder.process(packets)
for packet in sent:
    recorder.process(packet)
print("written", flush=True)
sys.stdin.read()
"""


def test_a_kill_costs_the_open_group_of_pictures_and_nothing_else(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path / NAME)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as child:
        assert child.stdout
        assert child.stdout.readline() == b"written\n"
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert lengths(tmp_path) == [30, 30, 75 - 60 - 75 % GOP]
    record(copy(tmp_path), connection(20))  # no lock is left behind
    assert sorted(lengths(tmp_path)) == [10, 20, 30, 30]
