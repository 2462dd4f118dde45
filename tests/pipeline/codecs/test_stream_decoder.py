"""Hardware decodes what software would, and when it breaks no frame of a recording is missing."""

from __future__ import annotations

import hashlib
import os
import re
import signal
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import av
import numpy as np
import pytest

from detector.errors import FramelaneError
from pipeline.codecs.choice import MAX_BREAKS, STEADY_SECONDS, DecoderChoice, DecoderError
from pipeline.codecs.packet_note import PacketNote
from pipeline.codecs.stream_decoder import WAITS, NotDecoded, StreamDecoder
from tests.support.fake_hardware import FakeHardware
from tests.support.ffmpeg import tool
from tests.support.gstreamer import gstreamer_children, require_decoder

FRAMES, GOP = 90, 15  # of the clip, which has B-frames


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    source = f"testsrc2=size=160x120:rate=30:duration={FRAMES / 30}"
    options = ["-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-g", str(GOP)]
    tool("ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, *options, str(path))
    return path


@cache
def expected(clip: Path) -> list[str]:
    """Return time and MD5 of each frame, as the program ffmpeg decodes it."""
    lines = (
        tool("ffmpeg", "-v", "error", "-i", str(clip), "-f", "framemd5", "-").decode().splitlines()
    )
    rows = [line.replace(" ", "").split(",") for line in lines if not line.startswith("#")]
    assert len(rows) == FRAMES
    return [row[5] for row in rows]


def found(frame: av.VideoFrame) -> str:
    content = np.ascontiguousarray(frame.reformat(format="yuv420p").to_ndarray()).tobytes()
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def decoded(clip: Path, choice: DecoderChoice, *, keeps: bool) -> Iterator[str]:
    """Yield the MD5 of each frame, and WAITS for each packet that was not decoded."""
    with av.open(str(clip)) as container:
        video = container.streams.video[0]
        video.codec_context.copy_opaque = True
        decoder = StreamDecoder(video.codec_context, choice, keeps=keeps)
        for packet in [*(each for each in container.demux(video) if each.size), None]:
            if packet:
                packet.opaque = PacketNote()
            try:
                yield from map(found, decoder.decode(packet))
            except NotDecoded as error:
                yield str(error)


@pytest.mark.parametrize("delay", [0, 1, 5])
@pytest.mark.parametrize("keeps", [True, False])
def test_hardware_takes_over_after_the_first_frame_without_a_seam(
    clip: Path, keeps: bool, delay: int
) -> None:
    hardware = FakeHardware(delay=delay)
    choice = DecoderChoice("auto", "clip", hardware)
    assert list(decoded(clip, choice, keeps=keeps)) == expected(clip)
    assert choice.figures() == {"asked": "auto", "used": "cuda", "why": ""}
    assert (hardware.opened, hardware.frames) == (1, FRAMES)


@pytest.mark.parametrize("delay", [0, 4])
@pytest.mark.parametrize("fails_after", [*range(1, 2 * GOP), FRAMES - 1])
def test_a_recording_loses_no_frame_wherever_the_hardware_breaks(
    clip: Path, fails_after: int, delay: int
) -> None:
    choice = DecoderChoice("auto", "clip", FakeHardware(fails_after=fails_after, delay=delay))
    assert list(decoded(clip, choice, keeps=True)) == expected(clip)


def test_a_camera_goes_on_at_the_next_keyframe_and_each_frame_before_it_is_accounted_for(
    clip: Path,
) -> None:
    choice = DecoderChoice("cuda", "clip", FakeHardware(fails_after=GOP + 4, breaks=1))
    results = list(decoded(clip, choice, keeps=False))
    shown = [each for each in results if each != WAITS]
    assert WAITS in results and set(shown) <= set(expected(clip))
    assert shown == sorted(shown, key=expected(clip).index)
    assert shown[-GOP:] == expected(clip)[-GOP:]
    assert choice.used == "cuda" and choice.why == ""  # it was tried again


def test_after_a_break_hardware_is_tried_again_and_after_three_no_more(clip: Path) -> None:
    once = FakeHardware(fails_after=5, breaks=1)
    choice = DecoderChoice("auto", "clip", once)
    assert list(decoded(clip, choice, keeps=True)) == expected(clip)
    assert (choice.used, once.opened) == ("cuda", 2)
    always = FakeHardware(fails_after=5)
    choice = DecoderChoice("auto", "clip", always)
    assert list(decoded(clip, choice, keeps=True)) == expected(clip)
    assert (choice.used, always.opened) == ("software", 3)
    assert choice.why == "cuda: it broke 3 times, last: the GPU has fallen off the bus"


def test_breaks_before_a_steady_time_do_not_count() -> None:
    now = [0.0]
    choice = DecoderChoice("auto", "camera", FakeHardware(), clock=lambda: now[0])
    for _ in range(3 * MAX_BREAKS):
        choice.proved("cuda")
        now[0] += STEADY_SECONDS
        choice.broke("cuda", "reason")
    assert choice.candidates() == ["cuda"]
    for _ in range(MAX_BREAKS - 1):
        choice.proved("cuda")
        now[0] += 1
        choice.broke("cuda", "reason")
    assert choice.candidates() == []


@pytest.mark.parametrize("killed_at", [None, 20, 60])
def test_gstreamer_gives_every_frame_of_a_recording_also_if_its_child_is_killed(
    clip: Path, killed_at: int | None
) -> None:
    require_decoder()
    choice = DecoderChoice("gstreamer", "clip")
    found, killed = [], 0
    for frame in decoded(clip, choice, keeps=True):
        found.append(frame)
        if killed_at and not killed and len(found) >= killed_at and choice.used == "gstreamer":
            for number in gstreamer_children():
                os.kill(number, signal.SIGKILL)
                killed += 1
    assert found == expected(clip)
    assert killed == (1 if killed_at else 0)
    if not killed_at:
        assert choice.figures() == {"asked": "gstreamer", "used": "gstreamer", "why": ""}


def test_a_decoder_that_gives_no_more_frames_is_replaced(clip: Path) -> None:
    choice = DecoderChoice("auto", "clip", FakeHardware(silent_after=10))
    assert list(decoded(clip, choice, keeps=True)) == expected(clip)
    assert choice.used == "software"


def brighter(frame: av.VideoFrame) -> av.VideoFrame:
    planes = np.asarray(frame.to_ndarray(), np.uint8)
    changed = av.VideoFrame.from_ndarray(np.clip(planes, 0, 250) + 5, format="yuv420p")
    changed.pts = frame.pts
    return changed


def smaller(frame: av.VideoFrame) -> av.VideoFrame:
    return frame.reformat(width=frame.width - 16)


WRONG = {
    brighter: "the luma of its first frame is .* levels off on average",
    smaller: "its first frame has 144x120 pixels instead of 160x120",
}


@pytest.mark.parametrize("changed", WRONG)
def test_a_decoder_with_another_picture_is_refused_and_says_why(
    clip: Path, changed: object, caplog: pytest.LogCaptureFixture
) -> None:
    hardware = FakeHardware(changed=changed)  # type: ignore[arg-type]
    choice = DecoderChoice("auto", "clip", hardware)
    with caplog.at_level("INFO", "framelane"):
        assert list(decoded(clip, choice, keeps=True)) == expected(clip)
    assert choice.used == "software" and re.fullmatch(f"cuda: {WRONG[changed]}", choice.why)  # type: ignore[index]
    assert [record.getMessage() for record in caplog.records] == [
        f"clip: not decoded by {choice.why}"
    ]


@pytest.mark.parametrize(
    ("hardware", "reason"),
    [
        (FakeHardware(missing="no GPU"), "no GPU"),
        (FakeHardware(refuses="it does not decode h264"), "it does not decode h264"),
        (FakeHardware(fails_after=0), "the GPU has fallen off the bus"),
        (FakeHardware(changed=smaller), "its first frame has 144x120 pixels instead of 160x120"),
    ],
)
def test_what_was_asked_for_by_name_and_cannot_be_had_is_one_clear_line(
    clip: Path, hardware: FakeHardware, reason: str
) -> None:
    with pytest.raises(DecoderError) as refused:
        list(decoded(clip, DecoderChoice("cuda", "clip", hardware), keeps=True))
    assert isinstance(refused.value, FramelaneError)
    assert str(refused.value) == f"clip: decoder: cuda: {reason}: choose auto or software"
    automatic = DecoderChoice("auto", "clip", hardware)
    assert list(decoded(clip, automatic, keeps=True)) == expected(clip)
    assert automatic.why == f"cuda: {reason}"


def test_software_asks_no_hardware(clip: Path) -> None:
    hardware = FakeHardware()
    choice = DecoderChoice("software", "clip", hardware)
    assert list(decoded(clip, choice, keeps=True)) == expected(clip)
    assert hardware.opened == 0 and choice.why == ""
