"""Clips of recorded files: the same frames at the same times, whatever the container."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.clips.file_footage import FileFootage
from pipeline.clips.footage import ClipError
from pipeline.clips.maker import ClipMaker
from pipeline.events.record import ClipState, Phase
from pipeline.frames.frame import Frame
from pipeline.frames.picture import Picture
from pipeline.frames.result import Tracked
from pipeline.frames.stream import Epoch, Stream
from tests.support.cameras import FPS, numbered, until
from tests.support.clips import (
    at_end,
    clips,
    counters,
    event,
    making,
    plays,
    put,
    sidecar_of,
    stored,
)
from tests.support.ffmpeg import times_by_ffprobe, tool
from trackers.tracks import Tracks

FRAMES = 500
GOP = 50


def write_file(path: Path, *, bframes: int = 2, codec: str = "libx264", offset: int = 0) -> Path:
    """Write numbered frames by FFmpeg's encoder and muxer; offset: of the times, in frames."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=FPS)
        stream.width, stream.height, stream.pix_fmt = 512, 64, "yuv420p"
        stream.options = {"preset": "superfast", "g": str(GOP), "bf": str(bframes)}
        stream.codec_context.gop_size = GOP
        stream.codec_context.thread_count = 1
        for index, bgr in enumerate(numbered(frames=FRAMES)):
            frame = av.VideoFrame.from_ndarray(bgr, format="bgr24")
            frame.pts, frame.time_base = index + offset, Fraction(1, FPS)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


@contextmanager
def cutting(folder: Path, url: str | Path) -> Iterator[ClipMaker]:
    """Yield the maker of the clips of a file, with margins of 2 s."""
    with making(folder, pre_seconds=2, post_seconds=2) as (maker, _):
        maker.add("door", FileFootage(str(url)), ["person"])
        yield maker


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts", ".mov"])
def test_a_clip_has_the_frames_and_times_of_the_file(suffix: str, tmp_path: Path) -> None:
    path = write_file(tmp_path / f"street{suffix}")
    source = times_by_ffprobe(path)
    begin = float(source[0])  # of MPEG-TS above 0
    with cutting(tmp_path, path) as maker:
        put(maker, [event(begin + 9.0, begin + 11.0)])
    (record,) = stored(tmp_path)
    assert (record.clip_state, record.clip_reason) == (ClipState.READY, None)
    (clip,) = clips(tmp_path)
    assert plays(clip)
    found = counters(clip)
    first, end = 150, begin + 13  # a keyframe is at 6 s; 7 s is wanted
    wanted = [number for number, time in enumerate(source) if number >= first and time <= end]
    assert found[: len(wanted)] == wanted
    assert len(found) - len(wanted) <= 4  # the next frame, and what it needs
    in_clip, in_file = times_by_ffprobe(clip), source[first : first + len(found)]
    assert [time - in_clip[0] for time in in_clip] == pytest.approx(
        [time - in_file[0] for time in in_file], abs=1e-3 if suffix == ".mkv" else 0
    )
    sidecar = sidecar_of(tmp_path, record)
    assert sidecar.clip.start.seconds == pytest.approx(float(in_file[0]), abs=1e-4)
    assert sidecar.clip.missing is None


def test_video_without_display_times_is_put_in_order(tmp_path: Path) -> None:
    """AVI has decoding times only."""
    path = write_file(tmp_path / "street.avi", codec="mpeg4")
    with cutting(tmp_path, path) as maker:
        put(maker, [event(9.0, 11.0)])
    found = counters(clips(tmp_path)[0])
    assert found == list(range(found[0] or 0, (found[0] or 0) + len(found)))
    assert found[0] in range(120, 176)
    assert found[-1] in range(323, 333)


def test_what_mp4_cannot_hold_is_in_a_matroska_file(tmp_path: Path) -> None:
    path = write_file(tmp_path / "street.mkv", codec="msmpeg4", bframes=0)
    with cutting(tmp_path, path) as maker:
        put(maker, [event(2.0, 3.0)])
    (clip,) = clips(tmp_path)
    assert clip.suffix == ".mkv"
    assert plays(clip)


def test_turned_video_stays_turned(data: Path, tmp_path: Path) -> None:
    path = data / "awkward/portrait_rot90.mp4"
    with cutting(tmp_path, path) as maker:
        put(maker, [event(3.0, 4.0)])
    shown = [
        tool("ffprobe", "-show_entries", "stream_side_data=rotation", "-of", "csv=p=0", str(each))
        for each in (path, clips(tmp_path)[0])
    ]
    assert shown[0].strip() == shown[1].strip() == b"-90"


def test_audio_of_the_file_is_copied(data: Path, tmp_path: Path) -> None:
    path = data / "street/videos/person-bicycle-car-detection.mp4"
    with cutting(tmp_path, path) as maker:
        put(maker, [event(20.0, 22.0)])
    (clip,) = clips(tmp_path)
    assert plays(clip)
    with av.open(str(path)) as source, av.open(str(clip)) as copied:
        assert [each.codec_context.name for each in copied.streams] == [
            each.codec_context.name for each in source.streams
        ]
        source_audio, audio = _payloads(source), _payloads(copied)
    place = source_audio.index(audio[0])
    assert audio == source_audio[place : place + len(audio)]


def _payloads(container: av.container.InputContainer) -> list[bytes]:
    return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def test_a_clip_is_cut_when_the_frames_have_passed_its_end_not_before(tmp_path: Path) -> None:
    path = write_file(tmp_path / "street.mp4")
    with cutting(tmp_path, path) as maker:
        record, second = event(6.0), event(11.0)
        maker.put(record, Phase.START)
        maker.put(at_end(record, 8.0), Phase.END)
        maker.observe(_frame(249))  # 9.96 s
        assert maker.figures.pending == 1
        maker.put(second, Phase.START)  # with its margin it overlaps the first one
        maker.put(at_end(second, 11.5), Phase.END)
        maker.observe(_frame(337))
        assert maker.figures.pending == 1
        maker.observe(_frame(338))
        until(lambda: maker.figures.ready == 1, "the clip")
    first, second = stored(tmp_path)
    assert first.clip == second.clip
    assert counters(clips(tmp_path)[0]) == list(range(100, 339))


def test_events_are_grouped_by_the_times_of_frames_not_by_those_of_threads(tmp_path: Path) -> None:
    path = write_file(tmp_path / "street.mp4")
    with cutting(tmp_path, path) as maker:
        for start in (2.0, 6.04, 14.0):  # 2 + 0.02 + 2 is before 6.04 - 2
            record = event(start)
            maker.put(record, Phase.START)
            maker.put(at_end(record, start + 0.02), Phase.END)
            maker.observe(_frame(round(start * FPS) + 55))
    assert len({each.clip for each in stored(tmp_path)}) == 3


def _frame(number: int, epochs: tuple[Epoch, ...] = ()) -> Tracked:
    stream = Stream("door", "street.mp4", Fraction(1, FPS), epochs=list(epochs))
    picture = Picture.of(np.zeros((64, 512, 3), np.uint8))
    frame = Frame(stream, number, number, number, Fraction(1, FPS), 0.0, picture)
    empty = np.empty(0, np.int64)
    states = np.empty(0, np.int8)
    boxes, scores = np.empty((0, 4), np.float32), np.empty(0, np.float32)
    return Tracked(frame, Tracks(boxes, scores, empty, empty, states))


def test_times_that_were_moved_to_zero_are_found_in_the_file(tmp_path: Path) -> None:
    """A file whose first time is below 0: its frames begin at 0."""
    path = write_file(tmp_path / "street.mkv", offset=100)
    with cutting(tmp_path, path) as maker:
        shift = Fraction(-100, FPS)
        maker.observe(_frame(0, (Epoch(Fraction(100, FPS), shift),)))
        put(maker, [event(9.0, 11.0)])
    assert counters(clips(tmp_path)[0]) == list(range(150, 327))


def test_a_clock_that_starts_again_within_the_file_is_a_reason(tmp_path: Path) -> None:
    path = write_file(tmp_path / "street.ts")
    with cutting(tmp_path, path) as maker:
        epochs = (Epoch(Fraction(0), Fraction(0)), Epoch(Fraction(0), Fraction(20)))
        maker.observe(_frame(0, epochs))
        put(maker, [event(9.0, 11.0)])
    (record,) = stored(tmp_path)
    assert record.clip_state is ClipState.FAILED
    assert record.clip_reason == "the clock of the recording starts again within it"


def test_video_without_times_is_a_reason(data: Path, tmp_path: Path) -> None:
    with cutting(tmp_path, data / "awkward/raw_annexb.h264") as maker:
        put(maker, [event(1.0, 2.0)])
    (record,) = stored(tmp_path)
    assert record.clip_reason == "the packets of the recording have no times"


def test_a_file_that_is_gone_is_a_reason_that_comes_at_once(tmp_path: Path) -> None:
    with cutting(tmp_path, tmp_path / "gone.mp4") as maker:
        put(maker, [event(1.0, 2.0)])
        assert maker.figures.failed == 1
    (record,) = stored(tmp_path)
    assert record.clip_state is ClipState.FAILED
    assert record.clip_reason == "the recording cannot be opened: No such file or directory"


def test_a_file_that_vanishes_is_a_reason(tmp_path: Path) -> None:
    path = write_file(tmp_path / "street.mp4")
    footage = FileFootage(str(path))
    assert footage.suffix == ".mp4"
    path.unlink()
    with pytest.raises(ClipError, match="cannot be opened: No such file"):
        footage.begin(1.0, ())


def test_the_end_of_a_file_ends_its_last_clip(tmp_path: Path) -> None:
    path = write_file(tmp_path / "street.mp4")
    with cutting(tmp_path, path) as maker:
        maker.put(event(17.0), Phase.START)
        maker.ended("door")
    (record,) = stored(tmp_path)
    assert counters(clips(tmp_path)[0]) == list(range(350, 500))
    assert "its end: the stream ends there" in str(sidecar_of(tmp_path, record).clip.missing)
