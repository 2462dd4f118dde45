"""Decoders and encoders are tried, not listed: a promise that is not kept is found and named."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.codecs.encoders import H264, SOFTWARE, encoder_named
from pipeline.codecs.trial import CODECS, Use, encoding_obstacle, try_codec
from tests.support.fake_hardware import FakeHardware, FrameChange


@pytest.mark.parametrize("codec", ["h264", "hevc", "vp9", "mjpeg"])
def test_software_decodes_and_encodes_each_codec_of_the_table(codec: str) -> None:
    tried = try_codec(codec)
    assert tried.decoders["software"] is None and tried.encoders["software"] is None
    assert set(tried.encoders) == set(CODECS[codec])


def test_hardware_that_decodes_is_told_from_hardware_that_breaks_or_shows_another_picture() -> None:
    works: list[FakeHardware] = [FakeHardware(), FakeHardware(delay=3)]
    broken = {
        FakeHardware(fails_after=2): "the GPU has fallen off the bus",
        FakeHardware(silent_after=1): "1 of 5 frames were decoded",
        FakeHardware(changed=_smaller): "its first frame has 304x240 pixels instead of 320x240",
        FakeHardware(missing="no GPU"): "no GPU",
        FakeHardware(refuses="it does not decode h264"): "it does not decode h264",
    }
    assert [try_codec("h264", each).decoders["cuda"] for each in works] == [None, None]
    assert [try_codec("h264", each).decoders["cuda"] for each in broken] == list(broken.values())


_smaller: FrameChange = lambda frame: frame.reformat(width=304)  # noqa: E731


@pytest.mark.parametrize("use", ["live", "file"])
def test_x264_keeps_every_promise(use: Use) -> None:
    assert encoding_obstacle(SOFTWARE, use) is None


def test_an_encoder_that_breaks_a_promise_says_which() -> None:
    looks_ahead = replace(SOFTWARE, live={"rc-lookahead": "20"})
    assert encoding_obstacle(looks_ahead, None) is None
    delayed = encoding_obstacle(looks_ahead, "live")
    assert delayed is not None and delayed.endswith("frames back")


@pytest.mark.parametrize("name", [name for name in H264 if name != "software"])
def test_an_encoder_whose_hardware_is_missing_is_no_error(name: str) -> None:
    uses: tuple[Use, Use] = ("live", "file")
    for use in uses:
        obstacle = encoding_obstacle(H264[name], use)
        assert obstacle is None or (obstacle and "\n" not in obstacle)


def test_names_of_before_mean_the_same_encoders() -> None:
    assert [encoder_named(name) for name in ("libx264", "h264_nvenc", "vaapi", "auto")] == [
        "software",
        "nvenc",
        "vaapi",
        "auto",
    ]
