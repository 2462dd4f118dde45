"""A source whose decoder leaves frames in the memory of an imitated GPU."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pipeline.codecs.choice import DecoderName
from pipeline.sources.file import VideoFileSource
from tests.support.fake_hardware import FakeHardware

SOURCE = "tests.support.gpu_clip:GpuClip"  # for the table of sources
SCHEME = "gpu:"


class GpuClip(VideoFileSource):
    """A recording at gpu:PATH, decoded by `hardware`, which the test gives."""

    hardware: ClassVar[FakeHardware]

    def __init__(self, url: str, name: str, *, decoder: DecoderName = "auto") -> None:
        path = url.removeprefix(SCHEME)
        super().__init__(path, name, type(self).hardware, decoder=decoder)

    @staticmethod
    def accepts(url: str) -> bool:
        """Return whether it is gpu:PATH."""
        return url.startswith(SCHEME) and Path(url.removeprefix(SCHEME)).exists()
