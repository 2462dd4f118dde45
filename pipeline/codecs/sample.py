"""A tenth of a second of synthetic video, to try decoders and encoders with."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from pipeline.codecs.packet_note import VideoPacket

SIZE = (320, 240)  # pixels: hardware encoders refuse smaller frames
HERTZ = 90_000
TIMES = (0, 1800, 3000, 5400, 9000)  # of the frames, in 1/90000 s: at no fixed rate
KEYFRAME = 3  # number of the frame that is asked to be a keyframe
BT601, LIMITED, FULL = 6, 1, 2  # SMPTE 170M, 16 to 235, 0 to 255
_DECODERS = {"av1": "libdav1d"}  # FFmpeg's own decoder of AV1 needs hardware


def sample_frames(pixels: str = "yuv420p") -> list[VideoFrame]:
    """Return the frames: a pattern that moves, in three colours."""
    frames = []
    for number, pts in enumerate(TIMES):
        frame = VideoFrame.from_ndarray(_planes(8 * number), format="yuv420p")
        frame.colorspace, frame.color_range = BT601, LIMITED
        frame = frame.reformat(format=pixels)
        frame.pts, frame.time_base = pts, Fraction(1, HERTZ)
        frames.append(frame)
    return frames


def decoded(decoder: VideoCodecContext, packets: Iterable[VideoPacket]) -> list[VideoFrame]:
    """Return all frames that a decoder gives for packets. Raises av.FFmpegError."""
    frames = [frame for packet in packets for frame in decoder.decode(packet)]
    return [*frames, *decoder.decode(None)]


def decoder_of(codec: str, extradata: bytes | None = None) -> VideoCodecContext:
    """Return FFmpeg's software decoder of a codec; raises ValueError if this build has none."""
    decoder = av.CodecContext.create(_DECODERS.get(codec, codec), "r")
    assert isinstance(decoder, VideoCodecContext)
    decoder.extradata = extradata
    decoder.thread_count = 1
    return decoder


def _planes(shift: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return planes of 4:2:0, one below the other: a ramp of luma, and two of chroma."""
    width, height = SIZE
    ramp = (np.arange(width, dtype=np.uint8)[None, :] // 2 + shift + 32).astype(np.uint8)
    luma = np.repeat(ramp, height, axis=0)
    luma[:, shift : shift + 40] = 200  # an edge that moves
    blue = np.linspace(80, 170, height // 2 * (width // 2)).astype(np.uint8)
    planes = np.concatenate([luma.ravel(), blue, 250 - blue])
    return planes.reshape(height * 3 // 2, width)
