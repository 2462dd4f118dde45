"""The most pixels that a frame may have: it is refused before it takes memory, and said why."""

from __future__ import annotations

from dataclasses import dataclass
from errno import EINVAL

import av
from av.video.codeccontext import VideoCodecContext

from detector.errors import UsageError
from pipeline.sources.image_header import image_header


class TooManyPixels(Exception):
    """A frame was refused; the text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class PixelLimit:
    """How many pixels a frame may have."""

    max_pixels: int

    @classmethod
    def given(cls, max_pixels: int, source: str) -> PixelLimit:
        """Return the limit that a user gave; raises UsageError. source: as it may be shown."""
        if max_pixels <= 0:
            raise UsageError(f"{source}: max_pixels: {max_pixels} given: it must be above 0")
        return cls(max_pixels)

    @property
    def options(self) -> dict[str, str]:
        """FFmpeg's option for it, of a demuxer that probes, or of a decoder."""
        return {"max_pixels": str(self.max_pixels)}

    def check(self, width: int, height: int) -> None:
        """Raise TooManyPixels if a frame of this size is too large."""
        if width * height > self.max_pixels:
            raise TooManyPixels(f"{width}x{height} pixels, more than {self._advice}")

    def check_header(self, content: bytes) -> None:
        """Raise TooManyPixels if an image or animation states that it is too large."""
        if header := image_header(content):
            self.check(header.width, header.height)

    def check_failed(self, decoder: VideoCodecContext, error: av.FFmpegError) -> None:
        """Raise TooManyPixels if that is why decoding failed.

        Some decoders keep the size that they refuse; the others have none afterwards.
        """
        self.check(decoder.width, decoder.height)
        if error.errno == EINVAL and not decoder.width:
            raise TooManyPixels(f"more pixels than {self._advice}")

    @property
    def _advice(self) -> str:
        return f"max_pixels ({self.max_pixels}): make it smaller, or raise max_pixels"
