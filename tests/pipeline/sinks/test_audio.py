"""Audio beside the video: every packet unchanged, and never at the cost of a frame."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import pytest

from pipeline.frames.result import Tracked
from pipeline.sinks.video_file import VideoFileSink
from tests.support import footage
from tests.support.ffmpeg import tool
from tests.support.paths import ROOT

TENTH = Fraction(1, 10)  # a time base far coarser than any audio's


def clip(folder: Path, name: str, *options: str, seconds: int = 6) -> Path:
    """Return a clip with test frames, and audio as the options say, made by ffmpeg."""
    file = folder / name
    source = f"testsrc=d={seconds}:s=64x48:r=10"
    tool("ffmpeg", "-f", "lavfi", "-i", source, *options, str(file))
    return file


TONE = ("-f", "lavfi", "-i", "sine=d=6")


def with_audio(audio: Path, count: int = 60) -> Iterator[Tracked]:
    """Yield frames at tenths of a second, with the audio of the file."""
    return footage.noise(range(count), TENTH, interval=TENTH, audio_from=audio)


@pytest.mark.parametrize(
    "name",
    [
        "torchcodec_nasa_13013.mp4",  # two AAC streams that start before 0
        "moviepy_no_duration.webm",  # Opus from 15 ms on
        "moviepy_transparent.webm",  # Vorbis
        "mmaction2_test.avi",  # MP3
        "moviepy_video_with_failing_audio.mp4",  # MP3 that does not decode
    ],
)
@pytest.mark.parametrize("ending", [".mp4", ".mkv"])
def test_every_packet_is_copied_at_its_time(
    name: str, ending: str, data: Path, tmp_path: Path
) -> None:
    source, out = data / "awkward" / name, tmp_path / f"out{ending}"
    footage.record(VideoFileSink(out), with_audio(source, 20))
    read, written = footage.packets(source, "a"), footage.packets(out, "a")
    assert len(read) == len(written)
    allowed = Fraction(1, 1000) if ending == ".mkv" else Fraction(1, 90_000)
    for before, after in zip(read.values(), written.values(), strict=True):
        assert [sum_ for _, sum_ in before] == [sum_ for _, sum_ in after]
        assert max(abs(a - b) for (a, _), (b, _) in zip(before, after, strict=True)) < allowed
    assert footage.times(out) == [k * TENTH for k in range(20)]


def test_audio_is_interleaved_with_the_video(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mkv"
    source = data / "street/videos/car-detection.mp4"
    footage.record(VideoFileSink(out), with_audio(source, 100))
    last: dict[int, Fraction] = {}
    with av.open(str(out)) as container:
        for packet in container.demux():
            if packet.dts is not None and packet.dts * packet.time_base < Fraction(7):
                last[packet.stream_index] = packet.dts * packet.time_base
                apart = max(last.values()) - min(last.values())
                assert len(last) < 2 or apart <= Fraction(1, 4)


def test_audio_that_starts_late_stays_in_step(tmp_path: Path) -> None:
    late = clip(tmp_path, "late.mp4", "-itsoffset", "2.3456", *TONE)
    out = tmp_path / "out.mp4"
    footage.record(VideoFileSink(out), with_audio(late))
    (((before, _), *_),) = footage.packets(late, "a").values()
    (((after, _), *_),) = footage.packets(out, "a").values()
    assert before > 2 and abs(before - after) < Fraction(1, 48_000)


def test_audio_of_a_transport_stream_is_the_same_when_decoded(tmp_path: Path) -> None:
    source, out = clip(tmp_path, "in.ts", *TONE, "-c:a", "aac"), tmp_path / "out.mp4"
    footage.record(VideoFileSink(out), with_audio(source))
    sums = [tool("ffmpeg", "-i", str(f), "-map", "0:a", "-f", "md5", "-") for f in (source, out)]
    assert sums[0] == sums[1] != b""


def test_audio_longer_than_the_video_is_complete(tmp_path: Path) -> None:
    source, out = clip(tmp_path, "in.mkv", *TONE, "-c:a", "flac"), tmp_path / "out.mp4"
    footage.record(VideoFileSink(out), with_audio(source, 10))
    assert len(footage.packets(out, "a")[1]) == len(footage.packets(source, "a")[1])


def test_audio_of_a_cut_recording_ends_with_its_last_frame(tmp_path: Path) -> None:
    source, out = clip(tmp_path, "in.mkv", *TONE, "-c:a", "flac"), tmp_path / "out.mp4"
    items = list(with_audio(source, 10))
    items[0].frame.stream.cut.set()
    footage.record(VideoFileSink(out), items)
    shown = footage.probe(out, "-show_entries", "stream=duration", "-select_streams", "a")
    assert 1 <= float(shown["streams"][0]["duration"]) < 1.2


def test_a_codec_that_the_container_cannot_hold_is_left_out_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = clip(tmp_path, "in.avi", *TONE, "-c:a", "pcm_mulaw")
    for ending, copied in ((".mp4", 0), (".mov", 1)):
        caplog.clear()
        footage.record(VideoFileSink(tmp_path / f"out{ending}"), with_audio(source, 20))
        shown = footage.probe(tmp_path / f"out{ending}", "-show_entries", "stream=codec_name")
        assert len(shown["streams"]) == 1 + copied
        warnings = [record.getMessage() for record in caplog.records]
        assert warnings == ["cam: audio stream 1 (pcm_mulaw) is left out: mp4 cannot hold it"] * (
            1 - copied
        )
        assert {record.name for record in caplog.records} <= {"framelane"}


def test_audio_that_cannot_be_opened_costs_no_frame(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "noise.mp4").write_bytes(b"no audio at all")
    footage.record(VideoFileSink(tmp_path / "out.mp4"), with_audio(tmp_path / "noise.mp4", 20))
    assert len(footage.times(tmp_path / "out.mp4")) == 20
    assert caplog.messages == [
        "cam: the audio is left out: Invalid data found when processing input"
    ]


def test_audio_that_breaks_off_costs_no_frame(data: Path, tmp_path: Path) -> None:
    whole = data / "awkward/torchcodec_nasa_13013.mp4"
    broken = tmp_path / "broken.ts"
    tool("ffmpeg", "-i", str(whole), "-c", "copy", "-map", "0:a", str(broken))
    content = bytearray(broken.read_bytes())
    content[len(content) // 2 : len(content) * 3 // 4] = bytes(len(content) // 4)
    broken.write_bytes(content)
    footage.record(VideoFileSink(tmp_path / "out.mp4"), with_audio(broken, 100))
    assert len(footage.times(tmp_path / "out.mp4")) == 100
    assert footage.packets(tmp_path / "out.mp4", "a")


KILLED = """
import os, signal, sys
from pathlib import Path
from pipeline.sinks.video_file import VideoFileSink
from tests.pipeline.sinks.test_audio import with_audio
sink = VideoFileSink(Path(sys.argv[1]))
for item in with_audio(Path(sys.argv[2]), 80):
    sink.process(item)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_an_audio_stream_that_never_starts_is_left_out_and_does_no_harm_in_a_kill(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tone, silent, out = clip(tmp_path, "tone.mkv", *TONE), tmp_path / "in.mkv", tmp_path / "out.mp4"
    with av.open(str(tone)) as read, av.open(str(silent), "w") as written:
        video = written.add_stream_from_template(read.streams.video[0], opaque=True)
        written.add_stream_from_template(read.streams.audio[0])
        for packet in read.demux(video=0):
            if packet.dts is not None:
                packet.stream = video
                written.mux(packet)
    done = subprocess.run([sys.executable, "-c", KILLED, out, silent], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(footage.times(out)) >= 60
    footage.record(VideoFileSink(out), with_audio(silent, 20))
    assert "left out: it has not started" in caplog.text


def test_languages_are_kept(tmp_path: Path) -> None:
    marked = ("-metadata:s:a:0", "language=deu")
    source, out = clip(tmp_path, "in.mkv", *TONE, *marked), tmp_path / "out.mp4"
    footage.record(VideoFileSink(out), with_audio(source, 10))
    shown = footage.probe(out, "-select_streams", "a", "-show_entries", "stream_tags=language")
    assert shown["streams"][0]["tags"]["language"] == "deu"


def test_a_title_not_in_utf8_and_a_colon_in_the_name_cost_no_audio(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = clip(tmp_path, "plain.mp4", *TONE, "-metadata", "title=Fuuuesse")
    content = source.read_bytes()
    assert b"Fuuuesse" in content
    monkeypatch.chdir(tmp_path)
    named = Path("rec:2.mp4")
    named.write_bytes(content.replace(b"Fuuuesse", "Füüüesse".encode("latin-1")))
    footage.record(VideoFileSink(tmp_path / "out.mp4"), with_audio(named))
    assert len(footage.times(tmp_path / "out.mp4")) == 60
    read, written = footage.packets(source, "a"), footage.packets(tmp_path / "out.mp4", "a")
    assert len(read[1]) == len(written[1])
