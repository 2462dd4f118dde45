"""Which of GStreamer's elements decode: a table, and what is here."""

from __future__ import annotations

import json
import subprocess

import pytest

from pipeline.gstreamer.child.decoders import CODECS, caps_of, choices
from pipeline.gstreamer.child_process import CHILD
from pipeline.gstreamer.system_python import SYSTEM_PYTHON
from tests.support.gstreamer import require_decoder

DEBIAN = {"h264parse", "h265parse", "avdec_h264", "avdec_h265", "openh264dec", "videoconvert"}
JETPACK = DEBIAN | {"nvv4l2decoder", "nvvidconv"}


def test_a_jetson_decodes_and_converts_in_hardware() -> None:
    first, *rest = choices("h264", JETPACK.__contains__)
    assert first == ("h264parse", "nvv4l2decoder", "nvvidconv")
    assert [decoder for _, decoder, _ in rest] == ["avdec_h264", "openh264dec"]
    first, *_ = choices("hevc", JETPACK.__contains__)
    assert first == ("h265parse", "nvv4l2decoder", "nvvidconv")


def test_without_nvidias_converter_its_decoder_is_not_used() -> None:
    found = choices("h264", (JETPACK - {"nvvidconv"}).__contains__)
    assert [decoder for _, decoder, _ in found] == ["avdec_h264", "openh264dec"]


@pytest.mark.parametrize("hardware", ["vah264dec", "nvh264dec", "qsvh264dec", "v4l2h264dec"])
def test_hardware_goes_before_software(hardware: str) -> None:
    found = choices("h264", (DEBIAN | {hardware}).__contains__)
    assert found[0] == ("h264parse", hardware, "videoconvert")


def test_without_a_parser_or_a_decoder_there_is_no_choice() -> None:
    assert choices("h264", (DEBIAN - {"h264parse"}).__contains__) == []
    assert choices("av1", DEBIAN.__contains__) == []
    assert choices("unheard-of", DEBIAN.__contains__) == []


def test_packets_with_lengths_have_other_caps() -> None:
    assert caps_of("h264", lengths=False).endswith("stream-format=byte-stream")
    assert caps_of("h264", lengths=True).endswith("stream-format=avc")
    assert caps_of("hevc", lengths=True).endswith("stream-format=hvc1")
    assert caps_of("vp9", lengths=False) == "video/x-vp9"


def test_the_child_lists_the_elements_that_gstreamer_finds() -> None:
    require_decoder()
    line = [SYSTEM_PYTHON, "-IB", str(CHILD)]
    found = json.loads(subprocess.run(line, capture_output=True, check=True).stdout)["decoders"]
    assert found.keys() == CODECS.keys()
    script = (
        "import gi, sys; gi.require_version('Gst', '1.0'); from gi.repository import Gst; "
        "Gst.init(None); print(all(Gst.ElementFactory.find(name) for name in sys.argv[1:]))"
    )
    names = [name for each in found.values() for name in each]
    known = subprocess.run(
        [SYSTEM_PYTHON, "-c", script, *names], capture_output=True, check=True, text=True
    )
    assert known.stdout.strip() == "True"
