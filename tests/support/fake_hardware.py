"""Hardware that is FFmpeg's software with a fault: see pipeline.codecs.contexts.Hardware.

Its GPU memory is memory of the host in which each byte is inverted. So whoever reads a frame there,
instead of a copy on the host, gets a wrong picture.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from threading import Lock
from typing import Any
from weakref import finalize

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from detector.detections import UInt8Array
from detector.kernels.device_frame import DeviceFrame, arguments, grid
from detector.letterbox import Letterbox
from pipeline.codecs import device_frames
from pipeline.codecs.contexts import Decoder, Unavailable
from pipeline.codecs.packet_note import VideoPacket
from pipeline.gstreamer.packet_times import Carried
from tests.support.host_kernel import HostKernel

FrameChange = Callable[[VideoFrame], VideoFrame]
GPU = 0


class Surface(Carried):
    """What a frame carries that lies in GPU memory."""


class FakeHardware:
    """Hardware whose decoders fail as told.

    fails_after: frames that each decoder gives before it breaks; None: it does not break
    breaks: how many decoders break; those after them work
    delay: packets that it takes more than the software decoder before it gives a frame
    missing: why the machine lacks it; refuses: why it cannot be opened for a stream
    changed: what its frames are instead of the right ones
    kernel: letterboxes frames in its GPU memory
    loses_memory: no frame can be copied to the host
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
        kernel: HostKernel | None = None,
        loses_memory: bool = False,
    ) -> None:
        self.fails_after = fails_after
        self.breaks = breaks
        self.delay = delay
        self.silent_after = silent_after
        self.missing = missing
        self.refuses = refuses
        self.changed = changed
        self.kernel = kernel
        self.loses_memory = loses_memory
        self.downloads = 0
        self.surfaces = 0  # frames in GPU memory now
        self.most_surfaces = 0
        self._counting = Lock()
        self.opened = 0
        self.frames = 0  # that all decoders gave

    def obstacle(self, name: str) -> str | None:
        """Return why the machine lacks it."""
        return self.missing

    def open(
        self,
        name: str,
        like: VideoCodecContext,
        options: Mapping[str, str],
        gpu: int | None = None,
    ) -> Decoder:
        """Return a decoder, which breaks or not."""
        if self.refuses:
            raise Unavailable(self.refuses)
        self.opened += 1
        return FakeDecoder(self, like, options, gpu, breaks=self.opened <= self.breaks)

    def gpu_of(self, frame: VideoFrame) -> int | None:
        """Return where a frame lies."""
        return GPU if isinstance(frame.opaque, Surface) else None

    def on_host(self, frame: VideoFrame) -> VideoFrame:
        """Return a copy on the host."""
        surface = frame.opaque
        if not isinstance(surface, Surface):
            return frame
        if self.loses_memory:
            raise av.error.ExternalError(-542398533, "the GPU has fallen off the bus")
        with self._counting:
            self.downloads += 1
        return _inverted(frame, Carried(surface.note))

    def in_gpu_memory(self, frame: VideoFrame) -> VideoFrame:
        """Return a frame of the decoder in GPU memory, as NV12."""
        surface = Surface(frame.opaque)
        with self._counting:
            self.surfaces += 1
            self.most_surfaces = max(self.most_surfaces, self.surfaces)
        finalize(surface, self._released)
        return _inverted(frame, surface)

    def read(self, frame: DeviceFrame, letterbox: Letterbox) -> UInt8Array:
        """Return the (H, W, 3) image that the kernel makes of a frame in GPU memory."""
        owner = frame.owner
        assert self.kernel and isinstance(owner, VideoFrame) and self.gpu_of(owner) == frame.gpu
        right = _inverted(owner, None)
        there = device_frames.device_frame(right, frame.space, GPU)
        image = np.empty((*letterbox.size, 3), np.uint8)
        self.kernel.launch(grid(letterbox), arguments(there, letterbox, image.ctypes.data))
        return image

    def _released(self) -> None:
        with self._counting:
            self.surfaces -= 1


def _inverted(frame: VideoFrame, note: Carried | None) -> VideoFrame:
    """Return a copy of a frame as NV12 with all bytes inverted."""
    copy = frame.reformat(format="yuv420p").reformat(format="nv12")
    copy.opaque = note
    for plane in copy.planes:
        values = np.frombuffer(memoryview(plane), np.uint8)
        np.bitwise_xor(values, 255, out=values)
    return copy


class FakeDecoder:
    """A decoder of FakeHardware."""

    def __init__(
        self,
        hardware: FakeHardware,
        like: VideoCodecContext,
        options: Mapping[str, str],
        gpu: int | None,
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
        self._gpu = gpu
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
        given = [hardware.changed(frame) if hardware.changed else frame for frame in given]
        return given if self._gpu is None else [hardware.in_gpu_memory(each) for each in given]
