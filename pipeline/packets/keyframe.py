"""What a keyframe says about its stream: size and parameter sets, which RTSP need not announce."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from io import BytesIO

import av
from av.audio.stream import AudioStream
from av.stream import Stream
from av.video.stream import VideoStream

from pipeline.packets.packet import PacketFormat, TrackFormat, describe

RAW = {"h264", "hevc", "mjpeg"}  # demuxers, and codecs, of streams that describe themselves
_H264_SETS, _H264_SLICES = {7, 8}, range(1, 6)
_HEVC_SETS, _HEVC_SLICES = {32, 33, 34}, range(32)


def format_of(
    codec: str,
    time_base: Fraction,
    keyframe: bytes,
    video: VideoStream | None = None,
    audio: Sequence[AudioStream] = (),
) -> PacketFormat:
    """Return the format of a connection, from a keyframe and what its container says.

    codec: of the video; video: None if no demuxer made it
    Raises av.FFmpegError or ValueError if packets of this codec cannot be copied, or the keyframe
    is damaged.
    """
    if codec in RAW and not has_lengths(video):
        extradata = bytes(video.codec_context.extradata or b"") if video else b""
        if parameter_sets(codec, keyframe):
            extradata = b""  # those of the description may be older
        with closing(av.open(BytesIO(extradata + keyframe), "r", format=codec)) as parsed:
            return _format(parsed.streams.video[0], time_base, audio)
    if video is None:
        raise ValueError(codec)
    return _format(video, time_base, audio)


def parameter_sets(codec: str, keyframe: bytes) -> tuple[bytes, ...]:
    """Return the parameter sets in front of the first slice of an H.264 or H.265 keyframe.

    Empty for other codecs, and for packets that have lengths in place of start codes.
    """
    if codec == "h264":
        kinds = ((unit[0] & 31, unit) for unit in nal_units(keyframe))
        wanted, slices = _H264_SETS, _H264_SLICES
    elif codec == "hevc":
        kinds = ((unit[0] >> 1 & 63, unit) for unit in nal_units(keyframe))
        wanted, slices = _HEVC_SETS, _HEVC_SLICES
    else:
        return ()
    sets = []
    for kind, unit in kinds:
        if kind in slices:
            break
        if kind in wanted:
            sets.append(unit)
    return tuple(sets)


def nal_units(data: bytes) -> Iterator[bytes]:
    """Yield the NAL units of an Annex B packet, without start codes and trailing zeros."""
    at = data.find(b"\0\0\1") if data[:3] in (b"\0\0\0", b"\0\0\1") else -1
    while at >= 0:
        begin = at + 3
        at = data.find(b"\0\0\1", begin)
        unit = data[begin : at if at >= 0 else len(data)].rstrip(b"\0")
        if unit:
            yield unit


def has_lengths(video: VideoStream | None) -> bool:
    """Return whether NAL units have lengths in front of them, as in mp4, and no start codes."""
    extradata = video.codec_context.extradata if video else None
    return bool(extradata) and bytes(extradata or b"")[0] == 1


def _format(video: VideoStream, time_base: Fraction, audio: Sequence[AudioStream]) -> PacketFormat:
    streams: list[Stream] = [video, *audio]
    first, *others = (track_format(stream) for stream in streams)
    if not first.width:
        raise ValueError("the keyframe states no size")
    tracks = (replace(first, time_base=time_base), *others)
    return PacketFormat(tracks, describe(streams))


def track_format(stream: Stream) -> TrackFormat:
    """Return the properties of a demuxer's stream."""
    assert stream.time_base
    codec = stream.codec_context
    if isinstance(stream, AudioStream):
        rate = stream.codec_context.sample_rate
        return TrackFormat("audio", codec.name, stream.time_base, sample_rate=rate)
    assert isinstance(stream, VideoStream)
    video = stream.codec_context
    return TrackFormat("video", codec.name, stream.time_base, video.width, video.height)
