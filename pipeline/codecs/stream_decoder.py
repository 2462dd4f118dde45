"""The decoder of one stream: software, or hardware once its first frame was proved."""

from __future__ import annotations

from collections import deque

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from pipeline.codecs.choice import DecoderChoice
from pipeline.codecs.contexts import Decoder, Unavailable
from pipeline.codecs.packet_note import KeptPackets, VideoPacket, note_of
from pipeline.codecs.proof import Proof, Refused

MAX_SILENT = 64  # packets without a frame, after which a decoder is taken to be broken
MAX_INVALID = 3  # packets in a row that hardware calls invalid: software may know better
WAITS = "a decoder broke, skipped up to a keyframe"


class NotDecoded(Exception):
    """A packet was not decoded: a decoder broke, and no keyframe has come since."""

    def __init__(self) -> None:
        super().__init__(WAITS)


class StreamDecoder:
    """Decodes the packets of a stream; on one thread.

    Hardware begins at a keyframe beside the software decoder, and takes over when both have given
    the same first frame. If it breaks, software goes on: in a recording where it broke, because
    packets are kept; of a camera at the next keyframe. There hardware is tried again.

    software: the decoder of FFmpeg, set up and not used yet
    choice: what was asked for
    keeps: whether packets are kept; they need a PacketNote
    """

    def __init__(
        self, software: VideoCodecContext, choice: DecoderChoice, *, keeps: bool = False
    ) -> None:
        self._software = software
        self._options = dict(software.options)  # FFmpeg takes them out when it opens a decoder
        self._choice = choice
        self._candidates: deque[str] | None = None  # known when the first packet comes
        self._proof: Proof | None = None
        self._hardware: Decoder | None = None
        self._name = ""  # of the hardware
        self._waits = False  # for a keyframe
        self._ahead = 0  # frames that software gave out and the hardware did not yet
        self._silent = self._invalid = 0
        self._ready: list[VideoFrame] = []
        self._kept = KeptPackets() if keeps else None

    @property
    def context(self) -> Decoder | VideoCodecContext:
        """The decoder that gives the frames."""
        return self._hardware or self._software

    @property
    def is_software(self) -> bool:
        """Whether that is FFmpeg's software."""
        return self._hardware is None

    def decode(self, packet: VideoPacket | None, skip_frame: str = "DEFAULT") -> list[VideoFrame]:
        """Return the frames that a packet completes; None: flush.

        skip_frame: which frames need not be decoded, as FFmpeg names them
        Raises av.FFmpegError, NotDecoded, or DecoderError if the decoder that was asked for cannot
        decode this stream.
        """
        if self._candidates is None:
            self._candidates = deque(self._choice.candidates())
        keeps = self._kept if self._candidates else None
        if keeps and packet:
            keeps.add(packet)
        for each in filter(None, (self._software, self._hardware, self._tried)):
            each.skip_frame = skip_frame
        self._ready.extend(self._decode(packet, skips=skip_frame != "DEFAULT"))
        frames, self._ready = self._ready, []
        if keeps:
            for frame in frames:
                keeps.shown(frame)
        return frames

    def close(self) -> None:
        """Let go of the hardware; frames stay valid."""
        self._hardware = self._proof = None

    @property
    def _tried(self) -> Decoder | None:
        return self._proof.decoder if self._proof else None

    def _decode(self, packet: VideoPacket | None, *, skips: bool) -> list[VideoFrame]:
        if self._hardware:
            return self._by_hardware(self._hardware, packet, skips=skips)
        if self._waits:
            if packet is None:
                return []
            if not packet.is_keyframe:
                raise NotDecoded
            self._waits = False
        if packet and packet.is_keyframe and self._candidates and not self._proof:
            self._begin_proof()
        try:
            frames = self._software.decode(packet)
        except av.FFmpegError:
            self._proof = None  # from the next keyframe on
            raise
        return self._proved(packet, frames) if packet and self._proof else frames

    def _begin_proof(self) -> None:
        """Open the first candidate that can be opened."""
        while self._candidates:
            name = self._candidates[0]
            try:
                hardware, gpu = self._choice.hardware, self._choice.gpu
                decoder = hardware.open(name, self._software, self._options, gpu)
                self._proof = Proof(name, decoder, hardware.on_host)
                return
            except Unavailable as error:
                self._refuse(str(error))

    def _proved(self, packet: VideoPacket, frames: list[VideoFrame]) -> list[VideoFrame]:
        """Try the packet; return the frames to give out instead of those of the software."""
        assert self._proof
        proof = self._proof
        try:
            if not proof.holds(packet, frames):
                return frames
        except Refused as refusal:
            self._refuse(str(refusal))
            return frames
        except av.FFmpegError as error:
            self._refuse(str(error.strerror))
            return frames
        self._choice.proved(proof.name)
        self._name, self._hardware, self._proof = proof.name, proof.decoder, None
        self._software.flush_buffers()
        self._ahead = max(0, proof.shown - len(proof.frames))
        return frames + proof.frames[proof.shown :]

    def _refuse(self, reason: str) -> None:
        assert self._candidates
        self._proof = None
        self._choice.refuse(self._candidates.popleft(), reason)

    def _by_hardware(
        self, hardware: Decoder, packet: VideoPacket | None, *, skips: bool
    ) -> list[VideoFrame]:
        try:
            frames = hardware.decode(packet)
        except av.FFmpegError as error:
            self._invalid += 1
            if isinstance(error, av.error.InvalidDataError) and self._invalid < MAX_INVALID:
                raise
            return self._after_break(packet, str(error.strerror))
        self._invalid = 0
        self._silent = 0 if frames or skips else self._silent + 1
        if self._silent > MAX_SILENT:
            return self._after_break(packet, f"no frame from {MAX_SILENT} packets")
        dropped = min(self._ahead, len(frames))
        self._ahead -= dropped
        return frames[dropped:]

    def _after_break(self, packet: VideoPacket | None, reason: str) -> list[VideoFrame]:
        """Go on in software; return its frames that were not given out yet."""
        self._choice.broke(self._name, reason)
        self._candidates = deque(self._choice.candidates())
        self._hardware = None
        self._silent = self._invalid = self._ahead = 0
        kept = list(self._kept or ())
        if kept:
            return self._again(kept, packet)
        self._waits = True
        return self._decode(packet, skips=False)

    def _again(self, kept: list[VideoPacket], packet: VideoPacket | None) -> list[VideoFrame]:
        """Decode the kept packets, of which `packet` is the last; None: and flush."""
        frames: list[VideoFrame] = []
        for each in kept:
            try:
                frames += self._software.decode(each)
            except av.FFmpegError:
                if each is packet:  # the others were reported
                    self._ready.extend(_not_shown(frames))
                    raise
        if packet is None:
            frames += self._software.decode(None)
        return _not_shown(frames)


def _not_shown(frames: list[VideoFrame]) -> list[VideoFrame]:
    return [frame for frame in frames if not ((note := note_of(frame)) and note.shown)]
