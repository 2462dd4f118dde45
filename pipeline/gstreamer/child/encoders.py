"""Which elements encode H.264 live, with their settings: the hardware of a Jetson, or software."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

PARSER = "h264parse"


@dataclass(frozen=True)
class LiveEncoder:
    """An element that encodes.

    settings: names and values, in GStreamer's words; {gop}: frames; {bits}: per second;
        {kilobits}: the same in thousands; {milliseconds}: that the buffer of rate control holds
    converter: that copies frames to where the element reads them; memory: caps of that place
    """

    element: str
    settings: Mapping[str, str]
    converter: str = ""
    memory: str = ""

    @property
    def in_hardware(self) -> bool:
        """Whether a unit may come after its frame was taken."""
        return bool(self.converter)

    @property
    def needs(self) -> list[str]:
        """The elements without which it cannot be used."""
        return [name for name in (self.element, self.converter, PARSER) if name]


JETSON = LiveEncoder(
    "nvv4l2h264enc",
    {
        "bitrate": "{bits}",
        "control-rate": "1",  # constant
        "iframeinterval": "{gop}",
        "idrinterval": "{gop}",
        "insert-sps-pps": "true",
        "insert-vui": "true",
        "maxperf-enable": "true",
        "preset-level": "1",
    },
    converter="nvvidconv",
    memory="video/x-raw(memory:NVMM),format=NV12",
)
SOFTWARE = (
    LiveEncoder(
        "x264enc",
        {
            "bitrate": "{kilobits}",
            "key-int-max": "{gop}",
            "speed-preset": "superfast",
            "threads": "1",
            "tune": "zerolatency",
            "vbv-buf-capacity": "{milliseconds}",
        },
    ),
    LiveEncoder(
        "openh264enc",
        {
            "bitrate": "{bits}",
            "complexity": "low",
            "enable-frame-skip": "false",
            "gop-size": "{gop}",
            "multi-thread": "1",
            "rate-control": "bitrate",
            "scene-change-detection": "false",
        },
    ),
)


def usable(has: Callable[[str], Any]) -> list[LiveEncoder]:
    """Return the encoders that can be used, the best one first.

    Where there is hardware, software is no choice: FFmpeg's is better.

    has: tells whether there is an element of a name
    """
    if all(map(has, JETSON.needs)):
        return [JETSON]
    return [each for each in SOFTWARE if all(map(has, each.needs))]


def settings_of(
    encoder: LiveEncoder, *, gop: int, bit_rate: int, buffer_bits: int
) -> dict[str, str]:
    """Return the settings of an element for a stream."""
    numbers = {
        "gop": gop,
        "bits": bit_rate,
        "kilobits": max(1, bit_rate // 1000),
        "milliseconds": max(1, 1000 * buffer_bits // bit_rate),
    }
    return {name: value.format_map(numbers) for name, value in encoder.settings.items()}
