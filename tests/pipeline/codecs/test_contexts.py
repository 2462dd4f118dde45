"""What FFmpeg's hardware needs, on this machine: each decoder has an obstacle or decodes."""

from __future__ import annotations

from pathlib import Path

import av
import pytest
from av.video.codeccontext import VideoCodecContext

from detector.hardware.cuda_driver import find_gpus
from pipeline.codecs.contexts import HARDWARE, NO_DEVICE, MachineHardware, Unavailable
from pipeline.gstreamer.elements import obstacle


@pytest.mark.parametrize("name", HARDWARE.names)
def test_a_decoder_without_its_hardware_has_a_reason_and_is_not_opened(name: str) -> None:
    present = bool(find_gpus()) if name == "cuda" else bool(list(Path("/dev").glob("dri/renderD*")))
    if present:
        return  # decoders that can be opened are tried in test_trial.py
    assert HARDWARE.obstacle(name)
    like = av.CodecContext.create("h264", "r")
    assert isinstance(like, VideoCodecContext)
    with pytest.raises(Unavailable):
        HARDWARE.open(name, like, {})


def test_a_reason_says_what_is_missing() -> None:
    if not list(Path("/dev").glob("dri/renderD*")):
        assert HARDWARE.obstacle("qsv") in (NO_DEVICE, "this build of FFmpeg has no qsv")


def test_auto_tries_gstreamer_first_and_only_on_a_jetson() -> None:
    assert MachineHardware(jetson=True).names == ("gstreamer", "cuda", "vaapi", "qsv")
    assert MachineHardware(jetson=False).names == ("cuda", "vaapi", "qsv")
    assert MachineHardware(jetson=False).obstacle("gstreamer") == obstacle()
