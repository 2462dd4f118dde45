"""The table of sinks, and what all sinks that write files must do."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from pkgutil import resolve_name

import pytest

from detector.errors import UsageError
from detector.labels.formats import ending_of
from pipeline.frames.result import Tracked
from pipeline.sinks import SINKS, SinkError, is_folder, make_sink, sink_for
from pipeline.sinks.video_file import VideoFileSink
from tests.support import footage
from tests.support.ffmpeg import tool
from tests.support.paths import ROOT
from trackers.tracks import TrackState

ENDINGS = sorted(
    accepted
    for name in SINKS
    for accepted in resolve_name(name).accepted
    if accepted.startswith(".")
)
FILES = [each for each in ENDINGS if not is_folder(f"out{each}")]
every_ending = pytest.mark.parametrize("ending", ENDINGS)
every_file = pytest.mark.parametrize("ending", FILES)
growing = pytest.mark.parametrize("ending", [e for e in FILES if ending_of(f"out{e}") is None])


def some_frames(count: int = 12) -> Iterator[Tracked]:
    return footage.noise(range(count), Fraction(1, 25), seen=footage.tracks(1, 2))


@every_ending
def test_each_frame_is_accounted_for_once(ending: str, tmp_path: Path) -> None:
    sink = make_sink(str(tmp_path / f"out{ending}"), classes=footage.CLASSES, options={})
    sent, written = footage.record(sink, some_frames(40))
    assert len(sent) == 40 and sorted(written, key=lambda ticket: ticket.index) == sent


@every_ending
def test_nothing_is_created_before_the_first_frame(ending: str, tmp_path: Path) -> None:
    sink = make_sink(str(tmp_path / f"new/folder/out{ending}"), classes=(), options={})
    assert footage.record(sink, ()) == ([], [])
    assert not list(tmp_path.iterdir())


@every_ending
def test_without_a_frame_an_older_result_stays(ending: str, tmp_path: Path) -> None:
    out = tmp_path / f"out{ending}"
    out.write_text("good")
    sink = make_sink(str(out), classes=(), options={})
    sink.open()
    sink.close()
    assert out.read_text() == "good" and list(tmp_path.iterdir()) == [out]


@every_ending
def test_missing_folders_are_created(ending: str, tmp_path: Path) -> None:
    out = tmp_path / f"new/folder/out{ending}"
    footage.record(make_sink(str(out), classes=footage.CLASSES, options={}), some_frames())
    assert out.stat().st_size


@every_ending
def test_after_a_failure_the_name_of_the_file_says_that_it_is_incomplete(
    ending: str, tmp_path: Path
) -> None:
    out = tmp_path / f"out.v1{ending}"
    sink = make_sink(str(out), classes=footage.CLASSES, options={})
    for item in some_frames():
        sink.process(item)
    assert list(tmp_path.iterdir()) == [out]
    sink.close()
    assert list(tmp_path.iterdir()) == [tmp_path / f"out.v1.incomplete{ending}"]


@every_file
def test_a_file_that_cannot_be_renamed_is_a_warning_and_raises_nothing(
    ending: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out = tmp_path / f"out{ending}"
    sink = make_sink(str(out), classes=footage.CLASSES, options={})
    for item in some_frames():
        sink.process(item)
    (tmp_path / f"out.incomplete{ending}").mkdir()
    sink.close()
    assert caplog.messages == [f"'{out}' is incomplete, and keeps its name: Is a directory"]
    assert out.stat().st_size


@every_file
def test_a_path_that_cannot_be_written_is_an_error_of_one_line(ending: str, tmp_path: Path) -> None:
    out = tmp_path / f"out{ending}"
    out.mkdir()
    sink = make_sink(str(out), classes=footage.CLASSES, options={})
    with pytest.raises(SinkError, match=rf"^cannot write '.*out{ending}': Is a directory$"):
        footage.record(sink, some_frames())
    assert list(tmp_path.iterdir()) == [out]


FULL_DISK = """
import resource, sys
from fractions import Fraction
from pipeline.sinks import SinkError, make_sink
from tests.support import footage
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
sink = make_sink(sys.argv[1], classes=footage.CLASSES, options={})
frames = footage.noise(range(5000), Fraction(1, 25), seen=footage.tracks(*range(60)))
try:
    footage.record(sink, frames)
except SinkError as error:
    print(error)
"""


def python(program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a program in a child process, which may be killed."""
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )


@growing
def test_a_full_disk_is_an_error_of_one_line_and_leaves_a_readable_file(
    ending: str, tmp_path: Path
) -> None:
    done = python(FULL_DISK, tmp_path / f"out{ending}")
    assert done.stdout == f"cannot write '{tmp_path}/out{ending}': File too large\n", done.stderr
    (left,) = tmp_path.iterdir()
    assert left.name == f"out.incomplete{ending}"
    if sink_for(f"out{ending}") is VideoFileSink:
        count = ("-count_frames", "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0")
        assert int(tool("ffprobe", *count, str(left))) > 0
    else:
        assert left.read_bytes().endswith(b"\n") and left.stat().st_size > 90_000


KILLED = """
import os, signal, sys
from fractions import Fraction
from pipeline.sinks import make_sink
from tests.support import footage
sink = make_sink(sys.argv[1], classes=footage.CLASSES, options={})
for item in footage.noise(range(100), Fraction(1, 25), seen=footage.tracks(*range(20))):
    sink.process(item)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("ending", [".jsonl", ".txt"])
def test_a_kill_leaves_every_line_under_the_final_name(ending: str, tmp_path: Path) -> None:
    out = tmp_path / f"out{ending}"
    assert python(KILLED, out).returncode == -signal.SIGKILL
    lines = out.read_text().splitlines(keepends=True)
    assert len(lines) == {".jsonl": 100, ".txt": 2000}[ending]
    assert all(line.endswith("\n") for line in lines)


def test_json_lines_have_the_tracks_of_each_frame_and_its_time(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    frames = footage.noise([3, 8], Fraction(1001, 30000), seen=footage.tracks(7, -1))
    footage.record(make_sink(str(out), classes=footage.CLASSES, options={}), frames)
    first, second = out.read_text().splitlines()
    assert json.loads(first) == {
        "stream": "cam",
        "index": 0,
        "pts": 3,
        "time_base": "1001/30000",
        "seconds": 0.1001,
        "tracks": [
            {
                "id": 7,
                "class": "bicycle",
                "class_id": 1,
                "score": 0.8765,
                "box": [10.13, 20.0, 30.5, 40.0],
            },
            {
                "id": None,
                "class": "car",
                "class_id": 2,
                "score": 0.8765,
                "box": [11.13, 20.0, 31.5, 40.0],
            },
        ],
    }
    assert json.loads(second)["index"] == 1 and " " not in second


@pytest.mark.parametrize("state", [TrackState.LOST, TrackState.TENTATIVE])
def test_text_has_only_confirmed_tracks(state: TrackState, tmp_path: Path) -> None:
    seen = footage.tracks(1, state=state)
    for ending in (".jsonl", ".txt"):
        sink = make_sink(str(tmp_path / f"out{ending}"), classes=footage.CLASSES, options={})
        footage.record(sink, footage.noise([0], Fraction(1, 25), seen=seen))
    assert json.loads((tmp_path / "out.jsonl").read_text())["tracks"] == []
    assert (tmp_path / "out.txt").read_text() == ""


def test_mot_text_counts_frames_from_1_and_has_boxes_as_corner_and_size(tmp_path: Path) -> None:
    out = tmp_path / "out.txt"
    frames = footage.noise([0, 1], Fraction(1, 25), seen=footage.tracks(5))
    footage.record(make_sink(str(out), classes=footage.CLASSES, options={}), frames)
    line = "5,10.13,20.00,20.37,20.00,0.8765,2,-1,-1\n"
    assert out.read_text() == f"1,{line}2,{line}"


@pytest.mark.parametrize("url", ["out.avi", "out", "out/", "rtmp://host/live.mp4", ".mp4"])
def test_an_unknown_ending_is_refused_with_all_known_ones(url: str) -> None:
    with pytest.raises(
        UsageError, match=r"\.coco, .*\.jsonl, .*\.mkv, .*\.mov, \.mp4, \.txt, \.xml"
    ):
        make_sink(url, classes=(), options={})


def test_an_ending_may_be_in_upper_case(tmp_path: Path) -> None:
    out = tmp_path / "OUT.MP4"
    footage.record(make_sink(str(out), classes=(), options={}), some_frames())
    assert len(footage.times(out)) == 12


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("out.mp4", "VideoFileSink"),
        ("rec/%H%M%S.mp4", "Segments"),
        ("rec/%H.jsonl", "Segments"),
        ("rtsp://host/cam", "RtspPushSink"),
        ("rtsp://me:pass%20word@host/cam", "RtspPushSink"),
        ("rtsp://host/cam?serve=1", "RtspServeSink"),
        ("rtsp://host/cam?a=b&serve=1", "RtspServeSink"),
        ("rtsp://host/cam?serve=10", "RtspPushSink"),
        ("rtsp://host/cam.mp4", "RtspPushSink"),
        ("http://host/out.mp4", None),
        ("rec/%H.avi", None),
        ("rec/clip.%Y", None),
    ],
)
def test_the_url_selects_the_sink(url: str, name: str | None) -> None:
    sink = sink_for(url)
    assert (sink.__name__ if sink else None) == name


@pytest.mark.parametrize(
    ("options", "message"),
    [({"presett": "fast"}, "did you mean 'preset'"), ({"preset": "quick"}, "'quick' given")],
)
def test_options_are_checked_before_the_run(options: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make_sink("out.mp4", classes=(), options=options)
