"""Cameras recorded by complete runs, compared with what their servers sent."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import pytest

from detector.errors import UsageError
from pipeline.assembly.run import build
from pipeline.config import RunConfig
from pipeline.recording.config import RecordingConfig
from pipeline.recording.stream import second_connection
from pipeline.report.figures import figures, stream_figures
from pipeline.report.summary import summary
from pipeline.run import Run
from pipeline.sources.live.source import Live
from tests.support.cameras import (
    CAP,
    FPS,
    GOP,
    Server,
    numbered,
    require_gstreamer,
    until,
    write_units,
)
from tests.support.ffmpeg import times_by_ffprobe, tool
from tests.support.live_streams import QUICK
from tests.support.packets import assert_without_gaps, in_file, places, units_in_file
from tests.support.paths import ROOT
from tests.support.runs import emitted, minimal_config, more_of, quick_clip, running, running_well

FRAMES = 100  # of a clip
MAIN = (640, 96)  # pixels


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    require_gstreamer()
    folder = tmp_path_factory.mktemp("clips")
    return {
        "sub": write_units(folder / "sub", numbered(frames=FRAMES)),
        "main": write_units(folder / "main", numbered(MAIN, frames=FRAMES), codec="libx265"),
        "other": write_units(folder / "other", numbered((640, 64), frames=FRAMES)),
    }


@pytest.fixture
def server(clips: dict[str, Path]) -> Iterator[Server]:
    main = {"clip": clips["main"], "codec": "h265", "audio": "aac"}
    with Server({"sub": {"clip": clips["sub"]}, "main": main}) as server:
        yield server


def config(folder: Path, source: dict[str, Any], **more: Any) -> RunConfig:
    recording = {"url": f"{folder}/{{stream}}/%H%M%S.mp4", "segment_seconds": 1.2}
    recording |= more.pop("recording", {})
    return minimal_config(folder, QUICK | source, recording=recording, **more)


def recorded(run: Run, name: str = "cam") -> dict[str, Any]:
    (stream,) = [each for each in run.streams if each.name == name]
    return dict(stream_figures(run.pipeline, stream)["recording"])


def files(folder: Path, name: str = "cam") -> list[Path]:
    """Return the files of a stream in the order in which they were written."""
    return sorted((folder / name).glob("*.mp4"), key=lambda path: path.stat().st_mtime_ns)


def video_of(paths: list[Path]) -> list[list[bytes]]:
    """Return the NAL units of every frame."""
    return [units_in_file(data) for path in paths for _, data in in_file(path)[0]]


def has_packets(path: Path) -> bool:
    """Return whether a file that grows can be read already: its head comes first."""
    with suppress(av.FFmpegError):
        return bool(in_file(path))
    return False


def widths_in(path: Path) -> list[int]:
    """Return the width of the video, from ffprobe."""
    entry = ("-of", "csv=p=0", "-select_streams", "v", "-show_entries", "stream=width")
    return [int(line) for line in tool("ffprobe", *entry, str(path)).split()]


def test_files_hold_the_cameras_packets_bit_for_bit_at_their_times(
    tmp_path: Path, server: Server, clips: dict[str, Path]
) -> None:
    with running_well(config(tmp_path, {"url": server.url("sub"), "name": "cam"})) as run:
        more_of(run, "cam", frames=70)
    found = places(video_of(files(tmp_path)), clips["sub"])
    assert_without_gaps(found, FRAMES)
    counted = recorded(run)
    assert counted["packets"] == counted["recorded"] == len(found)
    assert counted["left_out"] == []
    assert counted["segments"] == len(files(tmp_path)) > 1
    for path in files(tmp_path):
        times = times_by_ffprobe(path)
        assert times == [Fraction(k, FPS) for k in range(len(times))]
    first = [places(video_of([path]), clips["sub"])[0] for path in files(tmp_path)]
    assert {place % GOP for place in first} == {0}


def test_an_overloaded_engine_costs_the_recording_nothing(
    tmp_path: Path, server: Server, clips: dict[str, Path]
) -> None:
    slow = {"engine": "fake", "seconds": 1.0}
    source = {"url": server.url("sub"), "name": "cam", "attention": "off"}
    with running_well(config(tmp_path, source, model=slow)) as run:
        until(lambda: recorded(run)["recorded"] > 100)
    assert emitted(run, "cam") < 20
    found = places(video_of(files(tmp_path)), clips["sub"])
    assert_without_gaps(found, FRAMES)
    assert recorded(run)["packets"] == len(found)


def test_a_stalled_viewer_costs_the_recording_nothing(
    tmp_path: Path, server: Server, clips: dict[str, Path]
) -> None:
    source = {"url": server.url("sub"), "name": "cam"}
    with Server(receivers={"cam": Path("/dev/null")}) as receiver:
        viewer = {"outputs": [receiver.url("{stream}")]}
        with running_well(config(tmp_path, source, **viewer)) as run:
            more_of(run, "cam", frames=10)
            receiver.freeze()
            until(lambda: recorded(run)["recorded"] > 100)
            receiver.thaw()
    found = places(video_of(files(tmp_path)), clips["sub"])
    assert_without_gaps(found, FRAMES)
    assert recorded(run)["packets"] == len(found)


def test_a_second_stream_of_the_camera_is_recorded_with_its_audio(
    tmp_path: Path, server: Server, clips: dict[str, Path]
) -> None:
    source = {"url": server.url("sub"), "record_url": server.url("main"), "name": "cam"}
    with running_well(config(tmp_path, source)) as run:
        until(lambda: recorded(run)["recorded"] > 200)
        assert emitted(run, "cam")
    found = places(video_of(files(tmp_path)), clips["main"], "hevc")
    assert_without_gaps(found, FRAMES)
    tracks = [in_file(path) for path in files(tmp_path)]
    assert len(tracks) > 1
    sounds = [time for each in tracks for time, _ in each.get(1, [])]
    assert sum(map(len, (each[0] for each in tracks))) == len(found)
    assert recorded(run)["recorded"] == len(found) + len(sounds)
    for each in tracks[:-1]:
        times = [time for time, _ in each[1]]
        for before, after in pairwise(times):  # the camera's reports (RTCP) adjust its times
            assert abs(after - before - Fraction(1024, 16_000)) < Fraction(1, 1000)
        assert abs(times[0]) < 1  # they begin together
    assert recorded(run)["connection"]["connections"] == 1


def test_the_second_stream_ends_with_the_first(tmp_path: Path, server: Server) -> None:
    source = {"url": server.url("sub"), "record_url": server.url("main"), "name": "cam"}
    limited = config(tmp_path, source | {"max_frames": 30})
    run = build(limited)
    run.pipeline.start()
    assert run.pipeline.wait(CAP)
    run.pipeline.join()
    assert run.pipeline.failures == []
    assert recorded(run)["recorded"]


def test_the_second_stream_is_recorded_although_the_first_never_comes(
    tmp_path: Path, server: Server, clips: dict[str, Path]
) -> None:
    gone = {"url": "rtsp://127.0.0.1:9/sub", "record_url": server.url("main"), "name": "cam"}
    with running_well(config(tmp_path, gone)) as run:
        until(lambda: recorded(run)["recorded"] > 60)
    found = places(video_of(files(tmp_path)), clips["main"], "hevc")
    assert_without_gaps(found, FRAMES)


def test_a_lost_camera_and_another_size_begin_files(
    tmp_path: Path, server: Server, clips: dict[str, Path]
) -> None:
    long = {"recording": {"segment_seconds": 600}}
    source = {"url": server.url("sub"), "name": "cam"}
    with running_well(config(tmp_path, source, **long)) as run:
        more_of(run, "cam")
        server.tell("sub", clip=clips["other"])
        more_of(run, "cam")
        server.kill()
        server.start()
        more_of(run, "cam")
    shown = [times_by_ffprobe(path) for path in files(tmp_path)]
    assert all(times == [Fraction(k, FPS) for k in range(len(times))] for times in shown)
    assert [widths_in(path) for path in files(tmp_path)] == [[512], [640], [512]]
    assert sum(map(len, shown)) == recorded(run)["packets"]


def test_a_recording_that_fails_does_not_end_the_stream(tmp_path: Path, server: Server) -> None:
    (tmp_path / "cam").write_bytes(b"not a folder")
    source = {"url": server.url("sub"), "name": "cam"}
    with running_well(config(tmp_path, source)) as run:
        more_of(run, "cam", frames=40)
    counted = recorded(run)
    assert counted["recorded"] == 0
    assert counted["packets"] == sum(each["packets"] for each in counted["left_out"])
    (stream,) = run.streams
    (fault,) = stream_figures(run.pipeline, stream)["faults"]
    assert "recording stopped" in fault


def test_of_two_runs_with_the_same_files_the_second_says_so_and_goes_on(
    tmp_path: Path, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    source = {"url": server.url("sub"), "name": "cam"}
    own = {"outputs": [str(tmp_path / "second.jsonl")]}
    with running_well(config(tmp_path, source)) as first:
        until(lambda: recorded(first)["recorded"])
        with running(config(tmp_path, source, **own)) as second:
            more_of(second, "cam", frames=20)
            assert "cannot record to" in caplog.text
    assert [failure.stage for failure in second.pipeline.failures] == ["cam/record"]
    assert "another run is writing it" in str(second.pipeline.failures[0].error)
    assert recorded(second)["recorded"] == 0
    assert recorded(first)["recorded"] == recorded(first)["packets"]


def test_a_killed_run_loses_only_the_open_group_of_pictures(
    tmp_path: Path, server: Server, clips: dict[str, Path]
) -> None:
    described = tmp_path / "run.yaml"
    source = {"url": server.url("sub"), "name": "cam"}
    described.write_text(config(tmp_path, source).model_dump_json(exclude_none=True))
    line = [sys.executable, str(ROOT / "run_pipeline.py"), "--config", str(described)]
    with subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
        until(lambda: (tmp_path / "cam").is_dir() and len(files(tmp_path)) >= 3)
        third = files(tmp_path)[2]
        until(lambda: has_packets(third))  # a group is complete
        child.send_signal(signal.SIGKILL)
        child.wait()
    found = [places(video_of([path]), clips["sub"]) for path in files(tmp_path)[:3]]
    assert_without_gaps([place for each in found for place in each], FRAMES)
    assert [len(each) for each in found[:2]] == [30, 30]
    assert len(found[2]) % GOP == 0
    with running_well(config(tmp_path, source)) as run:  # no lock is left behind
        until(lambda: recorded(run)["recorded"] > GOP)


def test_the_summary_says_what_was_recorded(tmp_path: Path, server: Server) -> None:
    source = {"url": server.url("sub"), "name": "cam"}
    with running_well(config(tmp_path, source)) as run:
        until(lambda: recorded(run)["segments"] > 1)
    text = summary(figures(run.pipeline, run.streams))
    count = recorded(run)["packets"]
    assert f"recording: {count} of {count} packets, in {recorded(run)['segments']} files" in text
    assert f"wrote {tmp_path}/cam/%H%M%S.mp4" in text


def test_a_recorded_source_is_not_recorded_again(tmp_path: Path) -> None:
    short = quick_clip(5, name="clip")
    with running_well(
        minimal_config(tmp_path, short, recording={"url": f"{tmp_path}/{{stream}}/%H%M%S.mp4"})
    ) as run:
        until(lambda: emitted(run, "clip") == 5)
    assert not (tmp_path / "clip").exists()


def test_audio_is_asked_of_the_connection_that_is_recorded() -> None:
    second = second_connection("rtsp://camera/main", "cam", {"audio": True})
    assert second._address.options["allowed_media_types"] == "video+audio"
    assert isinstance(second, Live)


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("clip.mp4", "record_url 'clip.mp4': no live stream: give rtsp"),
        ("http://user:secret@host/clip", "no live stream"),
    ],
)
def test_a_second_stream_that_is_no_camera_is_refused(url: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint) as refused:
        second_connection(url, "cam", {})
    assert "secret" not in str(refused.value)


def test_annotated_recordings_are_an_output(tmp_path: Path, server: Server) -> None:
    annotated = {"recording": {"mode": "annotated"}}
    source = {"url": server.url("sub"), "name": "cam"}
    with running_well(config(tmp_path, source, **annotated)) as run:
        more_of(run, "cam", frames=60)
    assert len(files(tmp_path)) > 1
    assert all(times_by_ffprobe(path)[0] == 0 for path in files(tmp_path))
    assert RecordingConfig(url="%H.mp4", mode="annotated").seconds == 600
