"""Hardware that is FFmpeg's software with a fault: see pipeline.codecs.contexts.Hardware."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from pipeline.codecs.contexts import Decoder, Unavailable
from pipeline.codecs.packet_note import VideoPacket

FrameChange = Callable[[VideoFrame], VideoFrame]


class FakeHardware:
    """Hardware whose decoders fail as told.

    fails_after: frames that each decoder gives before it breaks; None: it does not break
    breaks: how many decoders break; those after them work
    delay: packets that it takes more than the software decoder before it gives a frame
    missing: why the machine lacks it; refuses: why it cannot be opened for a stream
    changed: what its frames are instead of the right ones
    """

    names: Sequence[str] = ("cuda",)

    def __init__(
        self,
        *,
        fails_after: int | None = None,
        breaks: int = 1000,
        delay: int = 0,
        silent_after: int | None = None,
        missing: str | None = None,
        refuses: str | None = None,
        changed: FrameChange | None = None,
    ) -> None:
        self.fails_after = fails_after
        self.breaks = breaks
        self.delay = delay
        self.silent_after = silent_after
        self.missing = missing
        self.refuses = refuses
        self.changed = changed
        self.opened = 0
        self.frames = 0  # that all decoders gave

    def obstacle(self, name: str) -> str | None:
        """Return why the machine lacks it."""
        return self.missing

    def open(self, name: str, like: VideoCodecContext, options: Mapping[str, str]) -> Decoder:
        """Return a decoder, which breaks or not."""
        if self.refuses:
            raise Unavailable(self.refuses)
        self.opened += 1
        return FakeDecoder(self, like, options, breaks=self.opened <= self.breaks)


class FakeDecoder:
    """A decoder of FakeHardware."""

    def __init__(
        self,
        hardware: FakeHardware,
        like: VideoCodecContext,
        options: Mapping[str, str],
        *,
        breaks: bool,
    ) -> None:
        decoder = av.CodecContext.create(like.name, "r")
        assert isinstance(decoder, VideoCodecContext)
        decoder.extradata, decoder.flags = like.extradata, like.flags
        decoder.thread_count = 1
        decoder.options = dict(options)
        self._decoder = decoder
        self._hardware = hardware
        self._breaks = breaks
        self._given = 0
        self._held: list[VideoFrame] = []

    @property
    def skip_frame(self) -> Any:
        """See FFmpeg."""
        return self._decoder.skip_frame

    @skip_frame.setter
    def skip_frame(self, value: Any) -> None:
        self._decoder.skip_frame = value

    @property
    def sample_aspect_ratio(self) -> Fraction | None:
        """See FFmpeg."""
        return self._decoder.sample_aspect_ratio

    def decode(self, packet: VideoPacket | None) -> list[VideoFrame]:
        """Decode, or break."""
        hardware = self._hardware
        limit = hardware.fails_after if self._breaks else None
        if limit is not None and self._given >= limit:
            raise av.error.ExternalError(-542398533, "the GPU has fallen off the bus")
        self._held += self._decoder.decode(packet)
        given = self._held if packet is None else self._held[: len(self._held) - hardware.delay]
        if hardware.silent_after is not None and self._given >= hardware.silent_after:
            given = []
        self._held = self._held[len(given) :]
        self._given += len(given)
        hardware.frames += len(given)
        return [hardware.changed(frame) if hardware.changed else frame for frame in given]
