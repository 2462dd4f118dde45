"""What live sources publish: every packet as the camera sent it, whatever the decoder does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from time import monotonic

import pytest

from pipeline.connections.status import Cause
from pipeline.packets.keyframe import nal_units
from pipeline.packets.packet import HERTZ, EncodedPacket, PacketFormat
from pipeline.packets.tap import ConnectionEnded, PacketQueue
from pipeline.sources import Decoded, Skipped
from pipeline.sources.live.packet_gate import LATE
from pipeline.sources.live.source import Live, LivePackets
from tests.support.cameras import (
    FPS,
    GOP,
    Server,
    encoded,
    numbered,
    require_gstreamer,
    until,
    write_units,
)
from tests.support.live_streams import live, reading
from tests.support.packets import assert_without_gaps, places
from tests.support.web_cameras import found, web_camera

ROOM = 1 << 26  # bytes: nothing is left out
FRAMES = 100  # of the clip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require_gstreamer()
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="module")
def clip(folder: Path) -> Path:
    return write_units(folder / "h264.units", numbered(frames=FRAMES))


@pytest.fixture(scope="module")
def hevc(folder: Path) -> Path:
    return write_units(folder / "h265.units", numbered(frames=FRAMES), codec="libx265")


@pytest.fixture
def server(clip: Path, hevc: Path) -> Iterator[Server]:
    cameras = {
        "h264": {"clip": clip, "audio": "mulaw"},
        "h265": {"clip": hevc, "codec": "h265", "audio": "aac"},
        "terse": {"clip": clip, "headers": False},
    }
    with Server(cameras) as server:
        yield server


def taken(queue: PacketQueue, source: Live, count: int) -> list[EncodedPacket]:
    """Read the source until it has published this many packets; return those of the queue."""
    with reading(source):
        until(lambda: queue.accepted >= count)
    return [item for item in queue if isinstance(item, EncodedPacket)]


def video(packets: Sequence[EncodedPacket]) -> list[EncodedPacket]:
    return [each for each in packets if each.track == 0]


@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_packets_are_published_bit_for_bit_with_the_cameras_times(
    server: Server, clip: Path, hevc: Path, codec: str
) -> None:
    source = live(server.url(codec))
    packets = taken(source.tap.subscribe("all", ROOM), source, 60)
    ours = places(
        (nal_units(each.data) for each in packets),
        clip if codec == "h264" else hevc,
        {"h264": "h264", "h265": "hevc"}[codec],
    )
    assert_without_gaps(ours, FRAMES)
    assert packets[0].keyframe
    assert {place % GOP for place, each in zip(ours, packets, strict=True) if each.keyframe} == {0}
    assert [each.pts for each in packets] == [
        (packets[0].pts or 0) + k * HERTZ // FPS for k in range(len(packets))
    ]
    assert {b.ticks - a.ticks for a, b in pairwise(packets)} == {HERTZ // FPS}


def test_packets_that_are_too_late_for_the_decoder_are_published(
    server: Server, clip: Path
) -> None:
    source = live(server.url("h264"), max_age=0.2)
    queue = source.tap.subscribe("all", ROOM)
    reasons: list[str] = []
    with closing(source):
        source.open()
        for item in source:
            if isinstance(item, Skipped):
                reasons.append(item.reason)
            elif not reasons:
                stalled_until = monotonic() + 1.5
                until(lambda: monotonic() > stalled_until)  # noqa: B023
            if LATE in reasons and isinstance(item, Decoded):
                source.stop()
    packets = [item for item in queue if isinstance(item, EncodedPacket)]
    assert reasons.count(LATE) > GOP
    assert_without_gaps(places((nal_units(each.data) for each in packets), clip), FRAMES)


def test_times_of_packets_are_those_of_the_frames(server: Server) -> None:
    source = live(server.url("h264"))
    queue = source.tap.subscribe("all", ROOM)
    with reading(source) as items:
        until(lambda: len(items) > 40)
    shown = [item.pts for item in items if isinstance(item, Decoded)]
    sent = [item.ticks for item in queue if isinstance(item, EncodedPacket)]
    assert shown == sent[: len(shown)]


@pytest.mark.parametrize(("name", "codec"), [("h264", "h264"), ("h265", "hevc"), ("terse", "h264")])
def test_a_connection_is_announced_with_size_and_parameter_sets(
    server: Server, name: str, codec: str
) -> None:
    source = live(server.url(name), audio=True)
    queue = source.tap.subscribe("all", ROOM)
    with reading(source):
        until(lambda: queue.accepted > 10)
    (announced,) = [item for item in queue if isinstance(item, PacketFormat)]
    first, *others = announced.tracks
    assert (first.codec, first.width, first.height) == (codec, 512, 64)
    assert first.time_base == Fraction(1, HERTZ)
    assert [(each.codec, each.sample_rate) for each in others] == {
        "h264": [("pcm_mulaw", 8000)],
        "h265": [("aac", 16_000)],
        "terse": [],
    }[name]
    with announced.templates() as templates:
        assert templates[0].codec_context.extradata


def test_audio_is_published_only_if_it_is_wanted(server: Server) -> None:
    for audio, expected in ((False, {0}), (True, {0, 1})):
        source = live(server.url("h264"), audio=audio)
        packets = taken(source.tap.subscribe("all", ROOM), source, 100)
        assert {each.track for each in packets} == expected


def test_audio_is_that_of_the_camera_in_order(server: Server) -> None:
    source = live(server.url("h264"), audio=True)
    packets = taken(source.tap.subscribe("all", ROOM), source, 200)
    audio = [each for each in packets if each.track == 1]
    assert {len(each.data) for each in audio} == {160}  # 20 ms
    starts = [each.data[0] for each in audio]  # see rtsp_server.sound
    assert all((after - before) % 251 == 7 for before, after in pairwise(starts))


def test_audio_that_stays_away_delays_no_video(server: Server, clip: Path) -> None:
    source = live(server.url("h264"), audio=True)
    queue = source.tap.subscribe("all", ROOM)
    with reading(source) as items:
        until(lambda: items)  # GStreamer does not answer before it has some audio
        server.tell("h264", silent=True)
        shown = len(items)
        until(lambda: len(items) > shown + 50)
    packets = video([item for item in queue if isinstance(item, EncodedPacket)])
    assert_without_gaps(places((nal_units(each.data) for each in packets), clip), FRAMES)


def test_a_camera_that_sends_only_audio_is_lost_like_a_silent_one(server: Server) -> None:
    source = live(server.url("h264"), audio=True, timeout_seconds=1.0)
    with reading(source):
        until(lambda: source.status.connections)
        server.tell("h264", paused=True)
        until(lambda: source.status.causes[Cause.TIMED_OUT])
    assert "no video for 1 s" in str(source.status.trouble)


def test_another_size_is_announced_as_another_format(server: Server, folder: Path) -> None:
    larger = write_units(folder / "larger.units", numbered((640, 64), frames=FRAMES))
    source = live(server.url("terse"))
    queue = source.tap.subscribe("all", ROOM)
    with reading(source):
        until(lambda: queue.accepted > 20)
        server.tell("terse", clip=larger)
        accepted = queue.accepted
        until(lambda: queue.accepted > accepted + 3 * GOP)
    kinds = [item for item in queue if not isinstance(item, EncodedPacket)]
    sizes = [item.tracks[0].width for item in kinds if isinstance(item, PacketFormat)]
    assert sizes == [512, 640]
    assert isinstance(kinds[-1], ConnectionEnded)


def test_a_lost_connection_ends_and_another_begins_with_a_keyframe(server: Server) -> None:
    source = live(server.url("terse"))
    queue = source.tap.subscribe("all", ROOM)
    with reading(source):
        until(lambda: queue.accepted > 20)
        server.kill()
        server.start()
        accepted = queue.accepted
        until(lambda: queue.accepted > accepted + 20)
    items = list(queue)
    (end,) = [place for place, item in enumerate(items[:-1]) if isinstance(item, ConnectionEnded)]
    begin, first = items[end + 1 : end + 3]
    assert isinstance(begin, PacketFormat)
    assert isinstance(first, EncodedPacket)
    assert first.keyframe
    before = items[end - 1]
    assert isinstance(before, EncodedPacket)
    apart = (first.ticks - before.ticks) / HERTZ - (first.arrived_at - before.arrived_at)
    assert abs(apart) < 2 / FPS + 0.5  # the time line follows real time over the gap


def test_images_of_an_mjpeg_camera_are_published() -> None:
    images = [bytes(packet) for packet in encoded(numbered(frames=20), "mjpeg")]
    parts = [b"--b\r\nContent-Type: image/jpeg\r\n\r\n" + image + b"\r\n" for image in images]
    head = found(kind="multipart/x-mixed-replace; boundary=b")
    with web_camera(lambda _: [head, *parts, b"--b--\r\n"]) as url:
        source = live(f"mjpeg:{url}/", reconnect=False)
        queue = source.tap.subscribe("all", ROOM)
        with closing(source):
            source.open()
            assert sum(isinstance(item, Decoded) for item in source) == len(images)
    announced, *packets, _ = queue
    assert isinstance(announced, PacketFormat)
    assert announced.tracks[0].codec == "mjpeg"
    assert [each.data for each in packets if isinstance(each, EncodedPacket)] == images


def test_a_source_of_packets_decodes_nothing_and_publishes_everything(
    server: Server, clip: Path
) -> None:
    source = LivePackets(server.url("h264"), "cam")
    queue = source.tap.subscribe("all", ROOM)
    with reading(source) as items:
        until(lambda: queue.accepted > 60)
        assert source.status.connections == 1
    assert items == []
    packets = [item for item in queue if isinstance(item, EncodedPacket)]
    assert_without_gaps(places((nal_units(each.data) for each in packets), clip), FRAMES)
