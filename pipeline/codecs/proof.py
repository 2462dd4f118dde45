"""Whether a decoder gives the same picture as the software decoder: tried beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame

from pipeline.codecs.contexts import Decoder
from pipeline.codecs.packet_note import VideoPacket, note_of
from pipeline.codecs.side_data import side_data

MAX_PACKETS = 64  # in which a decoder must give its first frame: above any reordering
MAX_DIFFERENCE = 2.0  # grey levels on average over a plane: H.264 to AV1 are exact, JPEG is not

# what a container may say of the picture, which a decoder of its own does not know
_SAID = {Type.DISPLAYMATRIX: "turning", Type.MASTERING_DISPLAY_METADATA: "brightness"}


class Refused(Exception):
    """A decoder was not proved; the text says why."""


class Proof:
    """A decoder that gets the same packets as the software decoder, from a keyframe on.

    name, decoder: of the decoder that is tried
    on_host: returns a frame of that in the CPU's memory
    """

    def __init__(
        self, name: str, decoder: Decoder, on_host: Callable[[VideoFrame], VideoFrame]
    ) -> None:
        self.name = name
        self.decoder = decoder
        self._on_host = on_host
        self.shown = 0  # frames of the software decoder since the keyframe
        self.frames: list[VideoFrame] = []  # of the tried one
        self._packets: list[object] = []  # what identifies a frame's packet
        self._reference: VideoFrame | None = None

    def holds(self, packet: VideoPacket, shown: Sequence[VideoFrame]) -> bool:
        """Try the next packet, and return whether the decoder is proved by now.

        shown: the frames that the software decoder gave for it
        Raises Refused, or av.FFmpegError if the decoder fails.
        """
        self._packets.append(_key(packet))
        for frame in shown:
            if self.shown or _key(frame) in self._packets:
                self._reference = self._reference or frame
                self.shown += 1
        self.frames += self.decoder.decode(packet)
        if self.frames and self._reference:
            if why := difference(self._on_host(self.frames[0]), self._reference):
                raise Refused(why)
            return True
        if len(self._packets) == MAX_PACKETS:
            raise Refused(f"no frame from {MAX_PACKETS} packets")
        return False


def difference(shown: VideoFrame, reference: VideoFrame) -> str | None:
    """Return in which respect a frame differs from that of the software decoder, None if in none.

    Compared are the size, the meaning of the colours, how the picture is turned, and the mean of
    the differences of each plane, in 8 bits and 4:2:0.
    """
    size, wanted = (shown.width, shown.height), (reference.width, reference.height)
    if size != wanted:
        return f"its first frame has {size[0]}x{size[1]} pixels instead of {wanted[0]}x{wanted[1]}"
    for name in ("pts", "colorspace", "color_range", "color_trc"):
        if getattr(shown, name) != getattr(reference, name):
            return f"its first frame has another {name}"
    for kind, name in _SAID.items():
        if side_data(reference, kind) is not None and side_data(shown, kind) is None:
            return f"the {name} of the picture is in the container, and would be lost"
    pairs = zip(_planes(shown), _planes(reference), strict=True)
    for name, (first, second) in zip(("luma", "blue chroma", "red chroma"), pairs, strict=True):
        levels = np.abs(np.subtract(first, second, dtype=np.int16)).mean()
        if levels > MAX_DIFFERENCE:
            return f"the {name} of its first frame is {levels:.1f} levels off on average"
    return None


def _planes(frame: VideoFrame) -> list[np.ndarray[tuple[int, ...], np.dtype[np.uint8]]]:
    return [
        np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)[
            :, : plane.width
        ]
        for plane in frame.reformat(format="yuv420p").planes
    ]


def _key(of: VideoPacket | VideoFrame) -> object:
    """Return what a packet and its frame have in common: a note, else the time."""
    return note_of(of) or of.pts
