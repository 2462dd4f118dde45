"""The shape of the pixels of each frame, which may change in the middle of a stream."""

from __future__ import annotations

from collections import deque
from fractions import Fraction

from av.codec.codec import Capabilities
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pipeline.codecs.packet_note import PacketNote, VideoPacket, note_of
from pipeline.codecs.stream_decoder import StreamDecoder


class PixelAspects:
    """Decodes a stream, and tells the pixel aspect of each frame.

    PyAV shows only the aspect of the packet that was decoded last, which is ahead of the frame by
    the delay of reordering. What the container states holds as long as the coded aspect stays that
    of the first frame. With several decoding threads, the last packets before the end of the stream
    share one aspect.

    To be made before the first packet is decoded.

    decoder: of the stream; threads: of its software decoder
    """

    def __init__(self, video: VideoStream, decoder: StreamDecoder, threads: int = 1) -> None:
        context = video.codec_context
        context.copy_opaque = True  # frames get the notes of their packets
        self._decoder = decoder
        self._stated = video.sample_aspect_ratio or None  # by the container, or else coded
        self._overrides = self._stated != (context.sample_aspect_ratio or None)
        self._first: Fraction | None = None  # coded aspect of the first frame
        self._any = False
        by_frames = context.codec.capabilities & Capabilities.frame_threads
        self._delay = threads - 1 if by_frames else 0  # packets that are decoded at the same time
        self._notes: deque[PacketNote] = deque()

    def decode(self, packet: VideoPacket | None, skip_frame: str = "DEFAULT") -> list[VideoFrame]:
        """Return the frames that a packet completes; see StreamDecoder."""
        if packet:
            packet.opaque = note = PacketNote()
            self._notes.append(note)
        try:
            return self._decoder.decode(packet, skip_frame)
        finally:
            coded = self._decoder.context.sample_aspect_ratio or None
            delay = self._delay if packet and self._decoder.is_software else 0
            while len(self._notes) > delay:
                self._notes.popleft().coded = coded

    def of(self, frame: VideoFrame) -> Fraction | None:
        """Return width of a pixel by its height, before any turn; None if nothing states it."""
        note = note_of(frame)
        coded = note.coded if note else None
        if not self._any:
            self._any, self._first = True, coded
        if self._overrides and coded == self._first:
            return self._stated
        return coded or self._stated
