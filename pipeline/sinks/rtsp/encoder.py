"""Frames to H.264 without delay, by the best encoder of this machine."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import av
from av.video.frame import PictureType

from detector.yuv.colour_space import ColourSpace
from detector.yuv.planes import Planes
from pipeline.codecs.encoder_choice import LIVE
from pipeline.codecs.encoders import EncoderName, OpenEncoder, even, open_live
from pipeline.frames.picture import ColourTags
from pipeline.media.h264 import EncoderFrames, colour_tags
from pipeline.sinks import SinkError

HERTZ = 90_000  # ticks per second of H.264 in RTP
BITS_PER_PIXEL = 0.1  # at 25 frames per second; street scenes need no more
MIN_BIT_RATE = 200_000
BUFFER_SECONDS = 0.5  # of the bit rate: rate control buffer, which delays the receiver


class EncoderLost(Exception):
    """An encoder broke in the middle: another one can go on; the text says why."""


@dataclass(frozen=True, slots=True)
class Unit:
    """An access unit: one encoded frame, in Annex B.

    pts: of the frame
    """

    data: bytes
    keyframe: bool
    pts: int


class LiveEncoder:
    """Encodes one stream as H.264 in which every frame can be shown as soon as it arrives.

    asked: the user's choice; output: as it may be shown
    size, pixel_aspect: of the frames, the size made even; other shapes are letterboxed into it
    space, colours: what the colours of the frames mean; those of another space are converted
    interval: seconds between two frames; gop_seconds: between two keyframes
    bit_rate: per second, None for one by size and rate
    Raises EncoderError if this machine lacks the encoder, SinkError if it cannot be opened.
    """

    def __init__(
        self,
        asked: EncoderName,
        output: str,
        size: tuple[int, int],
        *,
        pixel_aspect: Fraction,
        space: ColourSpace,
        colours: ColourTags,
        interval: Fraction,
        gop_seconds: float,
        bit_rate: int | None,
    ) -> None:
        width, height = even(size)
        self.name, encoder = LIVE.encoder(asked, output, (width, height))
        self._pixels = encoder.pixels
        self._worked = False  # it has encoded something
        rate = (1 / interval).limit_denominator(1000)
        bit_rate = bit_rate or max(MIN_BIT_RATE, round(BITS_PER_PIXEL * width * height * 25))
        gop = max(1, ceil(gop_seconds * rate))
        self._frames = EncoderFrames(width, height, pixel_aspect, space)
        try:
            self._context = open_live(
                encoder,
                (width, height),
                time_base=Fraction(1, HERTZ),
                rate=rate,
                gop=gop,
                bit_rate=bit_rate,
                buffer_bits=round(bit_rate * BUFFER_SECONDS),
                sample_aspect_ratio=pixel_aspect,
                **colour_tags(space, colours),
            )
        except (av.FFmpegError, ValueError) as error:
            raise SinkError(f"the encoder {self.name} cannot be opened: {error}") from error

    def encode(
        self, planes: Planes, pts: int, pixel_aspect: Fraction, *, keyframe: bool
    ) -> list[Unit]:
        """Encode a frame; return the finished units, usually the frame's own.

        pts: in 1/90000 s, increasing
        Raises EncoderLost if the encoder breaks, SinkError if it has never encoded anything.
        """
        frame = self._frames.frame(planes, pixel_aspect)
        if self._pixels != frame.format.name:
            frame = frame.reformat(format=self._pixels)
        frame.pts, frame.time_base = pts, Fraction(1, HERTZ)
        if keyframe:
            frame.pict_type = PictureType.I
        try:
            units = _units(self._context, frame)
        except av.FFmpegError as error:
            if not self._worked:
                raise SinkError(
                    f"the encoder {self.name} does not work: {error.strerror}"
                ) from error
            raise EncoderLost(str(error.strerror)) from error
        self._worked = self._worked or bool(units)
        return units

    def flush(self) -> list[Unit]:
        """Return the units that are still in the encoder."""
        return _units(self._context, None)


def _units(context: OpenEncoder, frame: av.VideoFrame | None) -> list[Unit]:
    return [
        Unit(bytes(packet), packet.is_keyframe, packet.pts or 0) for packet in context.encode(frame)
    ]
