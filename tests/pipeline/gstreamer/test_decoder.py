"""GStreamer's decoder beside FFmpeg's, and what becomes of it when its process is killed."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.codec.context import Flags

from pipeline.gstreamer.decoder import SLOTS, GStreamerDecoder
from pipeline.memory_limits import MAX_PIXELS
from tests.support.cameras import encoded, numbered
from tests.support.gstreamer import require_decoder

FRAMES = 24


@pytest.fixture(scope="module", autouse=True)
def _gstreamer() -> None:
    require_decoder()


def twin(codec: str = "h264", headers: bytes = b"") -> Any:
    """Return FFmpeg's decoder of a stream."""
    decoder: Any = av.CodecContext.create(codec, "r")
    decoder.flags |= Flags.low_delay
    decoder.extradata = headers or None
    return decoder


def packets(
    size: tuple[int, int] = (512, 64), codec: str = "libx264", bframes: int = 0
) -> list[Any]:
    return list(encoded(numbered(size, FRAMES), codec, bframes=bframes))


def decoded(decoder: Any, sent: list[Any]) -> list[av.VideoFrame]:
    """Return the frames of all packets."""
    return [frame for packet in [*sent, None] for frame in decoder.decode(packet)]


@pytest.mark.parametrize(
    ("size", "codec", "bframes"),
    [
        ((512, 64), "libx264", 0),
        ((512, 64), "libx264", 2),
        ((514, 66), "libx264", 0),  # of a size for which PyAV has no name
        ((512, 64), "libx265", 0),
    ],
)
def test_its_frames_and_times_are_those_of_ffmpeg(
    size: tuple[int, int], codec: str, bframes: int
) -> None:
    sent = packets(size, codec, bframes)
    name = {"libx264": "h264", "libx265": "hevc"}[codec]
    wanted = decoded(twin(name), sent)
    found = decoded(GStreamerDecoder(twin(name), MAX_PIXELS), sent)
    assert len(found) == FRAMES > SLOTS
    assert [frame.pts for frame in found] == [frame.pts for frame in wanted] == [*range(FRAMES)]
    assert {frame.time_base for frame in found} == {sent[0].time_base}
    for mine, other in zip(found, wanted, strict=True):
        assert np.array_equal(mine.to_ndarray(), other.to_ndarray())


def test_jpeg_images_differ_from_ffmpegs_by_rounding_only() -> None:
    sent = packets(codec="mjpeg")
    wanted, like = decoded(twin("mjpeg"), sent), twin("mjpeg")
    like.decode(sent[0])
    found = decoded(GStreamerDecoder(like, MAX_PIXELS), sent)
    for mine, other in zip(found, wanted, strict=True):
        assert (mine.color_range, mine.colorspace) == (other.color_range, other.colorspace)
        steps = np.subtract(mine.to_ndarray(), other.to_ndarray(), dtype=np.int16)
        assert np.abs(steps).mean() < 1


def test_a_change_of_size_in_the_middle_gives_frames_of_both_sizes() -> None:
    sent = packets() + packets((640, 96))
    for k, packet in enumerate(sent):
        packet.pts = packet.dts = k
    wanted = decoded(twin(), sent)
    found = decoded(GStreamerDecoder(twin(), MAX_PIXELS), sent)
    assert [(f.width, f.height, f.pts) for f in found] == [
        (f.width, f.height, f.pts) for f in wanted
    ]
    assert np.array_equal(found[-1].to_ndarray(), wanted[-1].to_ndarray())
    assert np.array_equal(found[0].to_ndarray(), wanted[0].to_ndarray())  # of the first ring


def test_kept_frames_neither_change_nor_stop_the_decoder() -> None:
    """More frames are kept than there are slots; each of them stays what it was."""
    sent = packets()
    decoder = GStreamerDecoder(twin(), MAX_PIXELS)
    kept, copies = [], []
    for packet in [*sent, None]:
        for frame in decoder.decode(packet):
            kept.append(frame)
            copies.append(frame.to_ndarray().copy())
    assert len(kept) > SLOTS
    del decoder
    assert all(np.array_equal(f.to_ndarray(), c) for f, c in zip(kept, copies, strict=True))


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV])
def test_a_killed_child_is_an_error_of_ffmpegs_and_leaves_no_process(how: signal.Signals) -> None:
    sent = packets()
    decoder = GStreamerDecoder(twin(), MAX_PIXELS)
    number = decoder.process
    before = [frame for packet in sent[:20] for frame in decoder.decode(packet)]
    os.kill(number, how)
    with pytest.raises(av.FFmpegError, match=how.name):
        decoded(decoder, sent[20:])
    assert not Path(f"/proc/{number}").exists()
    assert before and before[0].to_ndarray().any()


def test_a_codec_without_a_decoder_and_a_frame_that_is_too_large_are_said() -> None:
    with pytest.raises(av.FFmpegError, match="GStreamer decodes no ffv1 here"):
        decoded(GStreamerDecoder(twin("ffv1"), MAX_PIXELS), packets())
    with pytest.raises(av.FFmpegError, match="frames of 512x64 pixels are too large"):
        decoded(GStreamerDecoder(twin(), 512 * 64 - 1), packets())


def test_rubbish_gives_no_frames_and_a_keyframe_after_it_does() -> None:
    sent = packets()
    rubbish: Any = av.Packet(b"\x00\x00\x00\x01\x65" + np.random.default_rng(1).bytes(500))
    decoder = GStreamerDecoder(twin(), MAX_PIXELS)
    for packet in sent[:5]:
        decoder.decode(packet)
    for k in range(5, 10):
        rubbish.pts, rubbish.time_base = k, sent[0].time_base
        decoder.decode(rubbish)
    assert sent[10].is_keyframe
    found = decoded(decoder, sent[10:])
    assert [frame.pts for frame in found][-14:] == list(range(10, 24))
    assert np.array_equal(found[-1].to_ndarray(), decoded(twin(), sent)[-1].to_ndarray())


def test_restarts_leave_nothing_behind() -> None:
    """Fifty by hand: see benchmarks/gstreamer.py."""
    sent = packets()[:3]

    def restart() -> int:
        decoder = GStreamerDecoder(twin(), MAX_PIXELS)
        decoded(decoder, sent)
        return decoder.process

    restart()
    before = len(os.listdir("/proc/self/fd"))
    numbers = [restart() for _ in range(3)]
    assert len(os.listdir("/proc/self/fd")) == before
    assert [number for number in numbers if Path(f"/proc/{number}").exists()] == []
