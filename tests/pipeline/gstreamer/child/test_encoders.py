"""Which of GStreamer's elements encode, and what they are told."""

from __future__ import annotations

from pipeline.gstreamer.child.encoders import JETSON, settings_of, usable

DEBIAN = {"h264parse", "openh264enc"}
JETPACK = DEBIAN | {"nvv4l2h264enc", "nvvidconv", "x264enc"}


def test_a_jetson_encodes_in_hardware_and_in_nothing_else() -> None:
    (found,) = usable(JETPACK.__contains__)
    assert (found.element, found.converter) == ("nvv4l2h264enc", "nvvidconv")
    assert found.in_hardware


def test_elsewhere_the_software_that_is_here_encodes() -> None:
    names = [each.element for each in usable((DEBIAN | {"x264enc"}).__contains__)]
    assert names == ["x264enc", "openh264enc"]
    assert [each.element for each in usable(DEBIAN.__contains__)] == ["openh264enc"]
    assert usable({"openh264enc"}.__contains__) == []  # no parser
    without = usable((JETPACK - {"nvvidconv"}).__contains__)
    assert not any(each.in_hardware for each in without)


def test_numbers_of_the_stream_are_in_the_units_of_each_element() -> None:
    numbers = {"gop": 50, "bit_rate": 2_000_000, "buffer_bits": 1_000_000}
    jetson = settings_of(JETSON, **numbers)
    assert (jetson["bitrate"], jetson["idrinterval"]) == ("2000000", "50")
    x264, openh264 = (
        settings_of(each, **numbers) for each in usable({*DEBIAN, "x264enc"}.__contains__)
    )
    assert (x264["bitrate"], x264["vbv-buf-capacity"], x264["key-int-max"]) == ("2000", "500", "50")
    assert openh264["bitrate"] == "2000000"
