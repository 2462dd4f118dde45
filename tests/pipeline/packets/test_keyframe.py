"""The format that a keyframe states, against the encoder's settings and FFmpeg's own filter."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import av
import pytest
from av.bitstream import BitStreamFilterContext

from pipeline.packets.keyframe import format_of, nal_units, parameter_sets
from tests.support.packets import DECODERS, TIME_BASE, packets_of


@pytest.mark.parametrize("codec", DECODERS)
def test_a_keyframe_states_codec_size_and_what_a_decoder_needs(codec: str) -> None:
    found, packets = packets_of(10, codec, size=(640, 96))
    (track,) = found.tracks
    assert (track.kind, track.codec, track.width, track.height) == (
        "video",
        DECODERS[codec],
        640,
        96,
    )
    assert track.time_base == TIME_BASE
    with found.templates() as (template,):
        decoder: Any = av.CodecContext.create(DECODERS[codec], "r")
        decoder.extradata = template.codec_context.extradata
        frames = [frame for each in packets for frame in decoder.decode(av.Packet(each.data))]
        frames += decoder.decode(None)
    assert len(frames) == 10


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_parameter_sets_are_those_that_ffmpeg_extracts(codec: str) -> None:
    _, packets = packets_of(2, codec)
    keyframe = packets[0].data
    with av.open(BytesIO(keyframe), "r", format=DECODERS[codec]) as parsed:
        extradata = parsed.streams.video[0].codec_context.extradata
    assert extradata
    assert parameter_sets(DECODERS[codec], keyframe) == tuple(nal_units(bytes(extradata)))
    assert parameter_sets(DECODERS[codec], packets[1].data) == ()


def test_parameter_sets_that_only_the_connection_announces_are_used() -> None:
    found, packets = packets_of(2)
    bare = b"".join(
        b"\0\0\0\1" + unit for unit in nal_units(packets[0].data) if unit[0] & 31 not in (7, 8)
    )
    assert parameter_sets("h264", bare) == ()
    with found.templates() as (template,):
        again = format_of("h264", TIME_BASE, bare, template)  # type: ignore[arg-type]
    assert again.tracks == found.tracks


def test_packets_with_lengths_have_no_parameter_sets_to_look_at() -> None:
    _, packets = packets_of(2)
    stream = BytesIO()
    with av.open(stream, "w", format="mp4") as output:
        found, _ = packets_of(2)
        with found.templates() as (template,):
            target = output.add_stream_from_template(template, opaque=True)
            keyframe: Any = av.Packet(packets[0].data)
            keyframe.pts, keyframe.dts, keyframe.time_base = 0, 0, TIME_BASE
            keyframe.stream = target
            output.mux(keyframe)
    stream.seek(0)
    with av.open(stream) as container:
        video = container.streams.video[0]
        (packet,) = (each for each in container.demux(video) if each.size)
        assert parameter_sets("h264", bytes(packet)) == ()
        again = format_of("h264", TIME_BASE, bytes(packet), video)
        with again.templates() as (template,):
            assert template.codec_context.extradata == video.codec_context.extradata


def test_noise_has_no_format() -> None:
    with pytest.raises((av.FFmpegError, ValueError)):
        format_of("h264", TIME_BASE, b"\0\0\0\1" + bytes(range(256)))


def test_a_filter_that_needs_no_decoder_agrees_about_the_start_codes() -> None:
    _, packets = packets_of(1)
    with av.open(BytesIO(packets[0].data), "r", format="h264") as parsed:
        split = BitStreamFilterContext("h264_mp4toannexb", parsed.streams.video[0])
        (same,) = split.filter(av.Packet(packets[0].data))
    assert list(nal_units(bytes(same))) == list(nal_units(packets[0].data))
