"""Packets of a recording: they have the times of the frames in them, also when it is read again."""

from __future__ import annotations

from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from detector.errors import UsageError
from pipeline.packets.packet import HERTZ, EncodedPacket, PacketFormat
from pipeline.runtime.ledger import Ledger
from pipeline.sources.file import VideoFileSource
from pipeline.sources.street.frame_counter import read_counter
from pipeline.stages.decode import Decode
from tests.support.cameras import FPS, encoded, numbered
from tests.support.recordings import FRAMES, write_recording


def both(source: VideoFileSource, frames: int) -> tuple[dict[int, int], dict[int, int]]:
    """Return the numbers by ticks: of the frames, and of the packets decoded by somebody else."""
    assert source.tap
    packets = source.tap.subscribe("test", 1 << 30)
    decode = Decode(source, Ledger())
    decode.open()
    shown = {}
    for item in islice(source, frames):
        for frame in decode.process(item):
            number = read_counter(frame.picture.bgr)
            assert number is not None
            shown[round(frame.time * HERTZ)] = number
    decode.close()
    sent: dict[int, int] = {}
    decoder: Any = None
    for each in packets:
        if isinstance(each, PacketFormat):
            with each.templates() as templates:
                decoder = av.CodecContext.create("h264", "r")
                decoder.extradata = templates[0].codec_context.extradata
        elif isinstance(each, EncodedPacket):
            packet = av.Packet(each.data)
            packet.pts = each.ticks
            for frame in decoder.decode(packet):
                number = read_counter(np.asarray(frame.to_ndarray(format="bgr24"), np.uint8))
                assert number is not None
                sent[frame.pts] = number
    return shown, sent


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.ts"])
@pytest.mark.parametrize("first", [0, 50])
def test_packets_have_the_ticks_of_their_frames(name: str, first: int, tmp_path: Path) -> None:
    path = write_recording(tmp_path / name, first=first)
    shown, sent = both(VideoFileSource(str(path), "clip", packets=True), FRAMES)
    assert len(shown) == FRAMES and len(sent) >= FRAMES - 4  # some wait in the decoder
    assert sent.items() <= shown.items()


@pytest.mark.parametrize("name", ["clip.mp4", "clip.ts"])
def test_a_loop_goes_on_in_time_and_begins_anew_in_its_pictures(name: str, tmp_path: Path) -> None:
    path = write_recording(tmp_path / name, first=50)
    source = VideoFileSource(str(path), "clip", loop=True, packets=True)
    shown, sent = both(source, FRAMES * 3)
    assert list(shown.values()) == [*range(FRAMES)] * 3
    assert {b - a for a, b in pairwise(shown)} == {HERTZ // FPS}
    assert len(sent) > FRAMES * 3 - 12 and sent.items() <= shown.items()


def test_a_recording_without_times_has_no_tap(tmp_path: Path) -> None:
    path = tmp_path / "raw.h264"
    path.write_bytes(b"".join(bytes(packet) for packet in encoded(numbered(frames=5))))
    source = VideoFileSource(str(path), "clip", packets=True)
    source.open()
    assert source.tap is None
    source.close()


def test_only_local_files_are_read_again() -> None:
    with pytest.raises(UsageError, match="loop: only local files"):
        VideoFileSource("http://127.0.0.1:9/clip.mp4", "clip", loop=True)
