"""A recording decoded by hardware that breaks: the same frames, times and damage as by software."""

from __future__ import annotations

from contextlib import closing
from fractions import Fraction
from pathlib import Path

import pytest

from detector.errors import FramelaneError
from pipeline.codecs.choice import DecoderName
from pipeline.sources import make_source
from pipeline.sources.file import VideoFileSource
from tests.support.fake_hardware import FakeHardware

CLIPS = (
    "bitflips.mp4",
    "decord_corrupted.mp4",
    "decord_video_90.mov",
    "interlaced_tff.mp4",
    "mjpeg.avi",
    "raw_annexb.h264",
    "torchcodec_h265_10bits.mp4",
    "truncated_faststart.mp4",
    "vfr_start_offset.mkv",
)

Frame = tuple[int | None, int, int, Fraction, int]


def read(source: VideoFileSource) -> tuple[list[Frame], list[str]]:
    """Return the frames (time, size, pixel aspect, sum of the luma), and the faults."""
    with closing(source):
        source.open()
        frames = []
        for item in source:
            picture = item.picture
            luma = int(picture.luma(16).sum())
            frames.append((item.pts, picture.width, picture.height, picture.pixel_aspect, luma))
        return frames, source.faults


@pytest.mark.parametrize("name", CLIPS)
def test_hardware_that_breaks_changes_nothing_but_the_name_in_the_report(
    data: Path, name: str
) -> None:
    path = str(data / "awkward" / name)
    by_software = read(VideoFileSource(path, "clip", decoder="software"))
    hardware = FakeHardware(fails_after=7, breaks=2)
    source = VideoFileSource(path, "clip", hardware)
    assert read(source) == by_software
    turned = name == "decord_video_90.mov"
    assert ("would be lost" in source.decoder.why) == turned


def test_a_frame_with_too_many_pixels_is_refused_before_hardware_sees_it(data: Path) -> None:
    hardware = FakeHardware()
    path = str(data / "awkward" / "vfr.mp4")
    with pytest.raises(FramelaneError, match="more than max_pixels"):
        read(VideoFileSource(path, "clip", hardware, max_pixels=1000))
    assert hardware.opened == 0


@pytest.mark.parametrize("name", ["cuda", "vaapi", "qsv"])
def test_a_decoder_that_this_machine_lacks_is_one_line_that_says_what_to_do(
    data: Path, name: DecoderName
) -> None:
    path = str(data / "awkward" / "vfr.mp4")
    source = make_source(path, "clip", {"decoder": name})
    if source.decoder and source.decoder.hardware.obstacle(name) is None:
        return  # this machine has it
    with closing(source), pytest.raises(FramelaneError) as refused:
        source.open()
    text = str(refused.value)
    assert text.startswith(f"{path}: decoder: {name}: ") and "\n" not in text
    assert text.endswith(": choose auto or software")
