"""Recorded video: every frame that decodes, upright, with the right colours; damage is reported."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange

from detector.detections import UInt8Array
from detector.errors import UsageError
from pipeline.runtime.ledger import Ledger
from pipeline.sources import SourceError, make_source
from pipeline.sources.file import VideoFileSource
from pipeline.stages.decode import Decode
from tests.support.ffmpeg import times_by_ffprobe, tool

READABLE = {  # name: (frames, width and height upright, repaired times)
    "bitflips.mp4": (120, (480, 360), 0),
    "decord_corrupted.mp4": (49, (1280, 720), 0),
    "decord_unordered.mov": (4, (50, 50), 0),
    "decord_video_270.mov": (3, (320, 568), 0),
    "decord_video_90.mov": (3, (320, 568), 0),
    "interlaced_tff.mp4": (59, (480, 360), 0),
    "mjpeg.avi": (40, (480, 360), 0),
    "mmaction2_demo_skeleton.mp4": (72, (1920, 1080), 0),
    "mmaction2_test.avi": (164, (320, 240), 110),
    "mmtracking_demo.mp4": (8, (1920, 1080), 0),
    "moviepy_bitmap.mp4": (5, (1, 1), 0),
    "moviepy_no_duration.webm": (74, (1280, 720), 0),
    "moviepy_transparent.webm": (150, (200, 200), 0),
    "moviepy_video_with_failing_audio.mp4": (280, (640, 360), 0),
    "odd_479x359_444.mp4": (60, (479, 359), 0),
    "one_frame.mp4": (1, (480, 360), 0),
    "portrait_rot90.mp4": (120, (480, 360), 0),
    "raw_annexb.h264": (60, (480, 360), 60),
    "tiny_16x16.mp4": (10, (16, 16), 0),
    "torchcodec_av1_video.mkv": (125, (640, 360), 0),
    "torchcodec_h264_10bits.mp4": (30, (200, 200), 0),
    "torchcodec_h265_10bits.mp4": (30, (200, 200), 0),
    "torchcodec_nasa_13013.mp4": (325, (320, 180), 0),
    "truncated.mkv": (55, (480, 360), 0),
    "truncated_faststart.mp4": (54, (480, 360), 0),
    "vfr.mp4": (120, (480, 360), 0),
    "vfr_start_offset.mkv": (120, (480, 360), 0),
}
DAMAGE = {  # name: lines of the report
    "bitflips.mp4": ["damaged frame at frame 0, 0.000 s, and 32 more after it"],
    "decord_corrupted.mp4": [
        "packet that does not decode (Invalid data found when processing input) "
        "at frame 28, 3.000 s",
        "damaged frame at frame 31, 3.200 s",
    ],
    "truncated_faststart.mp4": [
        "packet that does not decode (Invalid data found when processing input) "
        "at frame 52, 5.300 s",
    ],
}
UNOPENABLE = {
    "empty.mp4": "the file is empty",
    "not_a_video.mp4": "it is not a video: give a recording that FFmpeg can read",
    "truncated_no_moov.mp4": "its index (moov) is missing: the recording was never finished",
}


@dataclass(frozen=True)
class Reading:
    """The frames of one file."""

    times: list[Fraction]
    sizes: set[tuple[int, int]]
    repaired: int
    faults: list[str]


@cache
def read(path: Path) -> Reading:
    source = VideoFileSource(str(path), path.stem)
    decode = Decode(source, Ledger())
    decode.open()
    frames = [frame for item in source for frame in decode.process(item)]
    decode.close()
    sizes = {(frame.picture.width, frame.picture.height) for frame in frames}
    return Reading([f.time for f in frames], sizes, decode.repaired, source.faults)


def first_frame(path: Path) -> UInt8Array:
    source = VideoFileSource(str(path), path.stem)
    source.open()
    bgr = next(iter(source)).picture.bgr
    source.close()
    return bgr


@pytest.mark.parametrize("name", READABLE)
def test_every_frame_that_decodes_comes_out_upright(data: Path, name: str) -> None:
    reading = read(data / "awkward" / name)
    assert (len(reading.times), reading.sizes, reading.repaired) == (
        READABLE[name][0],
        {READABLE[name][1]},
        READABLE[name][2],
    )


@pytest.mark.parametrize("name", READABLE)
def test_times_equal_those_of_ffprobe_exactly(data: Path, name: str) -> None:
    path = data / "awkward" / name
    assert read(path).times == times_by_ffprobe(path)


def test_the_frames_that_are_there_count_not_those_in_the_header(data: Path) -> None:
    path = data / "street/videos/person-bicycle-car-detection.mp4"
    assert read(path).times == times_by_ffprobe(path)
    assert len(read(path).times) == 459  # an edit list hides 8 of 467


@pytest.mark.parametrize("name", READABLE)
def test_damage_is_reported_with_its_position_and_only_if_there_is_any(
    data: Path, name: str
) -> None:
    path = data / "awkward" / name
    assert read(path).faults == [f"{path}: {line}" for line in DAMAGE.get(name, [])]


@pytest.mark.parametrize("name", UNOPENABLE)
def test_a_file_that_cannot_be_opened_is_refused_in_one_line(data: Path, name: str) -> None:
    path = data / "awkward" / name
    source = VideoFileSource(str(path), "x")
    with pytest.raises(SourceError) as refused:
        source.open()
    source.close()
    assert str(refused.value).startswith(f"{path}: cannot be opened: {UNOPENABLE[name]}")
    assert "\n" not in str(refused.value)


def test_an_audio_file_with_a_cover_has_no_video_stream(tmp_path: Path) -> None:
    path = tmp_path / "song.m4a"
    tool(
        *(
            "ffmpeg",
            "-f",
            "lavfi",
            "-i",
            "sine=d=0.2",
            "-f",
            "lavfi",
            "-i",
            "color=red:s=32x32:d=1",
        ),
        *("-map", "0", "-map", "1", "-frames:v", "1", "-c:v", "png", "-c:a", "aac"),
        *("-disposition:v:0", "attached_pic", str(path)),
    )
    source = VideoFileSource(str(path), "x")
    with pytest.raises(SourceError, match=r"song\.m4a: has no video stream"):
        source.open()
    source.close()


def test_a_path_that_does_not_exist_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.mp4: no such file"):
        make_source(str(tmp_path / "none.mp4"), "x", {})


def test_the_stream_has_the_properties_of_all_frames(data: Path) -> None:
    path = str(data / "awkward/moviepy_no_duration.webm")
    source = VideoFileSource(path, "hall")
    stream = source.open()
    source.close()
    assert (stream.name, stream.url, stream.audio_from) == ("hall", path, path)
    assert stream.nominal_interval == Fraction(1001, 15000)
    assert not stream.live and not stream.cut.is_set()


def test_more_threads_give_the_same_frames(data: Path) -> None:
    path = data / "awkward/vfr.mp4"
    source = VideoFileSource(str(path), "x", threads=3)
    source.open()
    assert [item.pts * item.time_base for item in source if item.pts is not None] == read(
        path
    ).times
    source.close()


def test_stopping_ends_soon_and_cuts_the_stream_but_not_after_the_end(data: Path) -> None:
    path = str(data / "awkward/tiny_16x16.mp4")
    stopped, ended = VideoFileSource(path, "x"), VideoFileSource(path, "x")
    stream, complete = stopped.open(), ended.open()
    frames = iter(stopped)
    next(frames)
    stopped.stop()
    assert list(frames) == [] and stream.cut.is_set() and stopped.faults == []
    assert len(list(ended)) == 10
    ended.stop()
    assert not complete.cut.is_set()
    stopped.close()
    ended.close()


def test_a_source_that_was_stopped_before_opening_yields_nothing(data: Path) -> None:
    source = VideoFileSource(str(data / "awkward/tiny_16x16.mp4"), "x")
    source.stop()
    source.open()
    assert list(source) == []
    source.close()


# Rotation and colours


@pytest.mark.parametrize(
    "name", ["decord_video_90.mov", "decord_video_270.mov", "portrait_rot90.mp4"]
)
def test_frames_are_rotated_as_ffmpeg_rotates_them(data: Path, name: str) -> None:
    path = data / "awkward" / name
    ours = first_frame(path)
    raw = tool(
        *("ffmpeg", "-i", str(path), "-frames:v", "1", "-pix_fmt", "bgr24"),
        *("-f", "rawvideo", "-"),
    )
    theirs = np.frombuffer(raw, np.uint8).reshape(ours.shape)
    # ffmpeg rotates before it converts, so the chroma of a pixel may come from its neighbour
    assert np.abs(ours.astype(int) - theirs).mean() < 1.0


def test_a_frame_upside_down_is_rotated(data: Path, tmp_path: Path) -> None:
    original, path = data / "awkward/one_frame.mp4", tmp_path / "turned.mp4"
    tool(
        *("ffmpeg", "-i", str(original), "-c", "copy", "-metadata:s:v:0", "rotate=180", str(path)),
    )
    np.testing.assert_array_equal(first_frame(path), first_frame(original)[::-1, ::-1])


MATRICES = {  # number of H.273: (Kr, Kb); 2 is unspecified, which FFmpeg treats as BT.601
    1: (0.2126, 0.0722),
    2: (0.299, 0.114),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
}


def write_colour(
    path: Path, yuv: tuple[int, int, int], pix_fmt: str, matrix: int, full: bool, size: int = 64
) -> None:
    """Write two frames of one colour, lossless, tagged with their colour space."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", 25, options={"qp": "0"})
        stream.width = stream.height = size
        stream.pix_fmt = pix_fmt
        stream.codec_context.colorspace = matrix
        stream.codec_context.color_range = ColorRange.JPEG if full else ColorRange.MPEG
        frame = av.VideoFrame(size, size, pix_fmt)
        for plane, level in zip(frame.planes, yuv, strict=True):
            sample = (
                level.to_bytes(1, "little")
                if "10" not in pix_fmt
                else (4 * level).to_bytes(2, "little")
            )
            plane.update(sample * (plane.buffer_size // len(sample)))
        for pts in range(2):
            frame.pts = pts
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv444p", "yuv420p10le"])
def test_colours_follow_the_matrix_and_range_of_the_video(
    tmp_path: Path, pix_fmt: str, matrix: int, full: bool
) -> None:
    y, u, v = yuv = (110, 90, 160)
    write_colour(tmp_path / "a.mp4", yuv, pix_fmt, matrix, full)
    luma, chroma = ((y, 255), 255) if full else ((y - 16, 219), 224)
    (kr, kb), lightness = MATRICES[matrix], 255 * luma[0] / luma[1]
    red = lightness + 2 * (1 - kr) * (v - 128) * 255 / chroma
    blue = lightness + 2 * (1 - kb) * (u - 128) * 255 / chroma
    green = (lightness - kr * red - kb * blue) / (1 - kr - kb)
    bgr = first_frame(tmp_path / "a.mp4")
    assert np.abs(bgr - np.array([blue, green, red])).max() <= 3


def test_colours_that_cannot_be_converted_are_refused(tmp_path: Path) -> None:
    write_colour(tmp_path / "a.mp4", (110, 90, 160), "yuv420p", 8, False)
    with pytest.raises(SourceError, match=r"a\.mp4: the colour matrix \(number 8 of H\.273\)"):
        first_frame(tmp_path / "a.mp4")


def test_a_pixel_format_that_cannot_be_converted_fails_on_reading(tmp_path: Path) -> None:
    path = tmp_path / "a.nut"
    frame = ("-f", "lavfi", "-i", "testsrc=d=1:s=64x48", "-pix_fmt", "rgb4")
    tool("ffmpeg", *frame, "-c:v", "rawvideo", str(path))
    source = VideoFileSource(str(path), "x")
    source.open()
    with pytest.raises(SourceError, match=r"a\.nut: the pixel format rgb4 cannot be read"):
        next(iter(source))  # without a request for its pixels
    source.close()


def test_the_resolution_may_change_in_mid_stream(tmp_path: Path) -> None:
    for name, size in (("a", 64), ("b", 96)):
        write_colour(tmp_path / f"{name}.ts", (110, 128, 128), "yuv420p", 1, False, size)
    joined = tmp_path / "joined.ts"
    joined.write_bytes((tmp_path / "a.ts").read_bytes() + (tmp_path / "b.ts").read_bytes())
    source = VideoFileSource(str(joined), "x")
    source.open()
    shapes = [item.picture.bgr.shape for item in source]
    source.close()
    assert shapes == [(64, 64, 3)] * 2 + [(96, 96, 3)] * 2
    assert len(set(read(joined).times)) == 4


def test_threads_that_convert_at_the_same_time_get_the_same_pixels(data: Path) -> None:
    source = VideoFileSource(str(data / "awkward/vfr.mp4"), "x")
    source.open()
    pictures = [item.picture for item in source][:40]
    source.close()
    with ThreadPoolExecutor(4) as threads:
        converted = list(threads.map(lambda picture: picture.bgr, pictures * 4))
    one_by_one = av.open(str(data / "awkward/vfr.mp4"))
    for index, frame in zip(range(40), one_by_one.decode(video=0), strict=False):
        expected = frame.to_ndarray(format="bgr24")
        for again in range(4):
            np.testing.assert_array_equal(converted[index + 40 * again], expected)
    one_by_one.close()


# Over the network


class Server(BaseHTTPRequestHandler):
    """Serves /how/name: `ok` sends the file, `dies` and `stalls` half of it, `silent` nothing."""

    folder: Path
    released: Event

    def do_GET(self) -> None:
        _, how, name = self.path.split("/")
        if how == "silent":
            self.released.wait(30)
        if how == "missing":
            self.send_error(404)
        if how not in {"ok", "dies", "stalls"}:
            return
        content = (self.folder / name).read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content if how == "ok" else content[: len(content) // 2])
        self.wfile.flush()
        if how == "stalls":
            self.released.wait(30)

    def log_message(self, *arguments: object) -> None:
        """Log nothing."""


@pytest.fixture
def server(data: Path) -> Iterator[str]:
    Server.folder, Server.released = data / "awkward", Event()
    served = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = Thread(target=served.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://user:secret@127.0.0.1:{served.server_port}"
    Server.released.set()
    served.shutdown()
    thread.join()
    served.server_close()


def test_a_url_is_read_like_a_file_and_its_password_is_never_shown(server: str) -> None:
    source = VideoFileSource(f"{server}/ok/vfr_start_offset.mkv", "x")
    stream = source.open()
    assert len(list(source)) == 120 and source.faults == []
    source.close()
    assert stream.url.endswith("/ok/vfr_start_offset.mkv") and "secret" not in stream.url


@pytest.mark.parametrize(
    ("how", "reason"), [("dies", "Input/output error"), ("stalls", "no answer for 0.5 s")]
)
def test_a_server_that_goes_away_is_a_fault_and_does_not_hang(
    server: str, how: str, reason: str
) -> None:
    source = VideoFileSource(f"{server}/{how}/vfr_start_offset.mkv", "x", timeout_seconds=0.5)
    source.open()
    frames = len(list(source))
    source.close()
    assert 40 < frames < 60
    (fault,) = source.faults
    assert f"reading broke off ({reason}) at frame" in fault and "secret" not in fault


@pytest.mark.parametrize(
    ("how", "reason"), [("silent", "no answer for 0.5 s"), ("missing", "404 Not Found")]
)
def test_a_url_that_cannot_be_opened_is_refused_in_one_line(
    server: str, how: str, reason: str
) -> None:
    source = VideoFileSource(f"{server}/{how}/vfr.mp4", "x", timeout_seconds=0.5)
    with pytest.raises(SourceError) as refused:
        source.open()
    source.close()
    assert str(refused.value).endswith(reason) and "secret" not in str(refused.value)
    assert refused.value.__cause__ is None  # its text has the password
