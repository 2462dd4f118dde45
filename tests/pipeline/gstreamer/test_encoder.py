"""Encoding by GStreamer in a child: ffprobe sees exact times and keyframes; a loss is said."""

from __future__ import annotations

import os
import signal
from fractions import Fraction
from pathlib import Path

import av
import pytest
from av.video.frame import PictureType

from pipeline.codecs.encoders import H264, OpenEncoder, open_live
from pipeline.codecs.sample import sample_frames
from pipeline.codecs.trial import encoding_obstacle
from pipeline.gstreamer.child_process import CHILD
from pipeline.gstreamer.elements import encoding_obstacle as missing
from pipeline.gstreamer.encoder import GStreamerEncoder
from tests.support.cameras import until
from tests.support.environment import absent
from tests.support.footage import probe

HERTZ = 90_000
LATE = 2**33  # ticks: a camera's clock may have run for a day
IRREGULAR = [0, 1800, 3001, 5400, 9000, 9001, 18_000, 90_000]  # ticks: at no fixed rate
ASKED = {0, 3, 6}  # numbers of the frames that are to be keyframes


@pytest.fixture(autouse=True)
def _gstreamer() -> None:
    if why := missing():
        absent(why, "REQUIRE_GSTREAMER")


def opened(size: tuple[int, int] = (320, 240)) -> OpenEncoder:
    return open_live(
        H264["gstreamer"],
        size,
        time_base=Fraction(1, HERTZ),
        rate=Fraction(25),
        gop=100,
        bit_rate=1_000_000,
        buffer_bits=500_000,
    )


def test_ffprobe_sees_the_exact_times_and_a_keyframe_where_one_was_asked_for(
    tmp_path: Path,
) -> None:
    encoder, path = opened(), tmp_path / "sent.mp4"
    picture = sample_frames()[0]
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.time_base = 320, 240, Fraction(1, HERTZ)
        for number, pts in enumerate(IRREGULAR):
            picture.pts = LATE + pts
            picture.pict_type = PictureType.I if number in ASKED else PictureType.NONE
            (packet,) = encoder.encode(picture)  # no frame waits for the next one
            assert packet.pts == LATE + pts
            packet.pts = packet.dts = pts
            packet.stream = stream
            output.mux(packet)
        assert list(encoder.encode(None)) == []
    found = probe(path, "-select_streams", "v", "-show_entries", "packet=pts,flags")["packets"]
    assert [each["pts"] for each in found] == IRREGULAR
    assert {number for number, each in enumerate(found) if "K" in each["flags"]} == ASKED


@pytest.mark.parametrize("size", [(322, 242), (638, 360)])
def test_sizes_whose_rows_are_padded_look_as_they_should(size: tuple[int, int]) -> None:
    picture = sample_frames()[0].reformat(*size)
    picture.pts = 0
    decoder = av.CodecContext.create("h264", "r")
    encoder = opened(size)
    (packet,) = encoder.encode(picture)
    (shown,) = [*decoder.decode(packet), *decoder.decode(None)]
    assert (shown.width, shown.height) == size
    first, second = (each.to_ndarray(format="gray").astype(int) for each in (shown, picture))
    assert abs(first - second).mean() < 12


def test_a_child_that_is_killed_in_the_middle_is_one_error_and_leaves_no_process() -> None:
    encoder, picture = opened(), sample_frames()[0]
    assert isinstance(encoder, GStreamerEncoder)
    picture.pts = 0
    assert encoder.encode(picture)
    os.kill(encoder.process, signal.SIGKILL)
    picture.pts = 3600
    with pytest.raises(av.FFmpegError, match="its process was ended by SIGKILL"):
        encoder.encode(picture)
    until(lambda: not Path(f"/proc/{encoder.process}").exists())


def test_a_forgotten_encoder_leaves_no_process() -> None:
    encoder = opened()
    assert isinstance(encoder, GStreamerEncoder)
    process = encoder.process
    del encoder
    until(lambda: not Path(f"/proc/{process}").exists())


def test_a_python_that_is_missing_is_said() -> None:
    with pytest.raises(av.FFmpegError, match="/no/python cannot be run"):
        GStreamerEncoder(
            (320, 240),
            time_base=Fraction(1, HERTZ),
            rate=Fraction(25),
            gop=100,
            bit_rate=1_000_000,
            buffer_bits=500_000,
            program=("/no/python", CHILD),
        )


def test_it_keeps_what_live_video_needs_and_is_not_chosen_for_files() -> None:
    assert encoding_obstacle(H264["gstreamer"], "live") is None
    said = encoding_obstacle(H264["gstreamer"], "file")
    assert said and said.startswith("it gives no header before the first frame")
