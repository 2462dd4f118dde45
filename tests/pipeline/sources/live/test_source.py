"""RTSP input from real servers: frames, times, reconnects, and the causes of failures."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from itertools import islice, pairwise
from pathlib import Path
from threading import Thread
from time import monotonic

import pytest

from detector.errors import UsageError
from detector.renamed import RenamedWarning
from pipeline.codecs.stream_decoder import WAITS
from pipeline.connections.status import Cause, State
from pipeline.sources import Decoded, Skipped, make_source
from tests.support.cameras import (
    CAP,
    FPS,
    GOP,
    Server,
    numbered,
    require_gstreamer,
    until,
    write_units,
)
from tests.support.environment import PASSWORD
from tests.support.gstreamer import gstreamer_children, require_decoder
from tests.support.live_streams import answering, decoded, live, numbers, reading, trouble
from tests.support.rtsp_proxy import Proxy


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of 100 numbered frames, 512 x 64."""
    require_gstreamer()
    require_decoder()
    return write_units(tmp_path_factory.mktemp("clips") / "clip.units", numbered())


@pytest.fixture(scope="module")
def server(clip: Path) -> Iterator[Server]:
    with Server({"open": {"clip": clip}}) as server:
        yield server


@pytest.fixture(scope="module")
def locked(clip: Path) -> Iterator[Server]:
    with Server({"locked": {"clip": clip, "user": f"viewer:{PASSWORD}"}}) as server:
        yield server


both = pytest.mark.parametrize("decoder", ["software", "gstreamer"])


@pytest.mark.parametrize(
    ("transport", "decoder"), [("tcp", "software"), ("udp", "software"), ("tcp", "gstreamer")]
)
def test_every_frame_of_a_camera_arrives_once_in_order_at_its_time(
    server: Server, transport: str, decoder: str
) -> None:
    with closing(live(server.url("open"), transport=transport, decoder=decoder)) as source:
        arriving = decoded(source)
        found = list(islice(arriving, 40))
        while source.decoder.used != decoder:
            found.append(next(arriving))
        found += islice(arriving, 20)
        assert source.status.state is State.LIVE
    assert numbers(found) == [k % 100 for k in range(len(found))]
    assert [item.pts for item in found] == [k * 3600 for k in range(len(found))]
    assert {item.scene for item in found} == {0}


@both
def test_the_time_of_capture_comes_from_the_cameras_clock(server: Server, decoder: str) -> None:
    with closing(live(server.url("open"), decoder=decoder)) as source:
        server.messages.clear()
        arriving = enumerate(decoded(source))
        for _ in arriving:
            if source.status.clock_source == "camera (RTCP)":  # the clock is sent every few seconds
                break
        found = list(islice(arriving, 20))
    began_at = server.wait_for("began_at")["began_at"]
    late = sorted(item.captured_at - (began_at + k / FPS) for k, item in found)
    assert abs(late[10]) < 0.05  # the server noted when it sent them


def test_the_password_in_the_url_is_sent_to_a_camera_that_asks_for_one(locked: Server) -> None:
    with closing(live(locked.url("locked", f"viewer:{PASSWORD}"))) as source:
        assert numbers(list(islice(decoded(source), 3))) == [0, 1, 2]


@both
@pytest.mark.parametrize("user", ["", "viewer:wrong-word"])
def test_a_wrong_password_is_reported_not_shown_and_not_retried_soon(
    locked: Server, user: str, decoder: str
) -> None:
    source = live(locked.url("locked", user), decoder=decoder)
    with reading(source):
        until(lambda: source.status.state is State.BACKOFF)
        assert source.status.trouble and source.status.trouble.cause is Cause.UNAUTHORISED
        shown = f"{source.status} {source.status.snapshot()} {source.faults}"
        assert "wrong-word" not in shown
        assert "next attempt in 0 s" not in shown
        assert source.status.causes == {Cause.UNAUTHORISED: 1}


def test_an_unknown_path_is_not_found(server: Server) -> None:
    assert trouble(server.url("nothing")) == (Cause.NOT_FOUND, "Server returned 404 Not Found")


ANSWERS = {
    b"RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\n\r\n": Cause.UNAUTHORISED,
    b"RTSP/1.0 403 Forbidden\r\nCSeq: 1\r\n\r\n": Cause.UNAUTHORISED,
    b"RTSP/1.0 404 Not Found\r\nCSeq: 1\r\n\r\n": Cause.NOT_FOUND,
    b"RTSP/1.0 503 Service Unavailable\r\nCSeq: 1\r\n\r\n": Cause.REFUSED,
    b"\x00\x01\x02 rubbish": Cause.BAD_DATA,
    b"": Cause.BAD_DATA,
}


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer[:12].decode() or "nothing")
def test_every_answer_of_a_server_has_a_cause(answer: bytes) -> None:
    with answering(answer) as url:
        assert trouble(url)[0] is ANSWERS[answer]


def test_a_server_that_accepts_and_stays_silent_times_out() -> None:
    began_at = monotonic()
    with answering(None) as url:
        assert trouble(url, timeout_seconds=0.5) == (Cause.TIMED_OUT, "no answer for 0.5 s")
    assert monotonic() - began_at < 0.5 * CAP


def test_a_closed_port_refuses_and_an_unknown_host_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert trouble(f"rtsp://127.0.0.1:{port}/1")[0] is Cause.REFUSED
    assert trouble("rtsp://camera.invalid/1")[0] is Cause.UNREACHABLE


def test_a_codec_without_a_decoder_is_unsupported() -> None:
    description = (
        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\n"
        "m=video 0 RTP/AVP 96\r\na=rtpmap:96 X-UNHEARD-OF/90000\r\na=control:track1\r\n"
    )
    with serving_description(description) as url:
        assert trouble(url, timeout_seconds=4.0)[0] is Cause.UNSUPPORTED


@contextmanager
def serving_description(description: str) -> Iterator[str]:
    """Answer RTSP requests up to PLAY with this session description, then stay silent."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            client, _ = listener.accept()
            with suppress(ConnectionError), client, client.makefile("rb") as requests:
                while request := requests.readline():
                    number = ""
                    while (line := requests.readline().strip()) != b"":
                        if line.lower().startswith(b"cseq:"):
                            number = line.decode()
                    client.sendall(
                        _answer(request.decode().split()[0], number, description).encode()
                    )

        thread = Thread(target=serve)
        thread.start()
        yield f"rtsp://127.0.0.1:{listener.getsockname()[1]}/1"
        thread.join(CAP)


def _answer(method: str, number: str, description: str) -> str:
    body = description if method == "DESCRIBE" else ""
    more = {
        "DESCRIBE": f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n",
        "SETUP": "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n",
        "PLAY": "Session: 1\r\n",
    }.get(method, "")
    return f"RTSP/1.0 200 OK\r\n{number}\r\n{more}\r\n{body}"


@both
def test_after_a_restart_of_the_server_the_time_line_follows_real_time(
    clip: Path, decoder: str
) -> None:
    with Server({"cam": {"clip": clip}}) as server:
        source = live(server.url("cam"), decoder=decoder)
        with reading(source) as found:
            until(lambda: len(found) > 20 and source.decoder.used == decoder)
            server.kill()
            until(lambda: source.status.state is State.BACKOFF)
            server.start()
            until(lambda: source.status.connections == 2)
            seen = len(found)
            until(lambda: len(found) > seen + 20)
    shown = [item for item in found if isinstance(item, Decoded)]
    assert all(before.pts < after.pts for before, after in pairwise(shown))  # type: ignore[operator]
    gap = next(k for k, (a, b) in enumerate(pairwise(numbers(shown))) if b == 0)
    seconds = (shown[gap + 1].pts - shown[gap].pts) / 90_000  # type: ignore[operator]
    real = shown[gap + 1].captured_at - shown[gap].captured_at
    assert seconds == pytest.approx(real, abs=0.2)
    assert source.status.causes.keys() <= {Cause.ENDED_BY_PEER, Cause.REFUSED, Cause.BAD_DATA}
    assert source.faults == []


@both
def test_a_frozen_server_is_stalled_then_timed_out_then_reconnected(
    clip: Path, decoder: str
) -> None:
    with Server({"cam": {"clip": clip}}) as server:
        source = live(server.url("cam"), timeout_seconds=2.0, decoder=decoder)
        with reading(source) as found:
            until(lambda: len(found) > 40 and source.decoder.used == decoder)
            server.freeze()
            until(lambda: source.status.state is State.STALLED)
            until(lambda: source.status.causes[Cause.TIMED_OUT])
            server.thaw()
            until(lambda: source.status.connections == 2)


def test_a_short_stall_is_counted_and_loses_no_frame(clip: Path) -> None:
    with Server({"cam": {"clip": clip}}) as server:
        source = live(server.url("cam"))
        with reading(source) as found:
            until(lambda: len(found) > 40)
            server.freeze()
            until(lambda: source.status.state is State.STALLED)
            server.thaw()
            until(lambda: source.status.stalls == 1)
            until(lambda: len(found) > 80)
        assert source.status.connections == 1
    shown = [item for item in found if isinstance(item, Decoded)]
    assert numbers(shown) == [k % 100 for k in range(len(shown))]


@both
def test_a_stream_that_turns_into_garbage_is_bad_data(clip: Path, decoder: str) -> None:
    with Server({"cam": {"clip": clip}}) as server:
        source = live(server.url("cam"), timeout_seconds=2.0, decoder=decoder)
        with reading(source) as found:
            until(lambda: len(found) > 20 and source.decoder.used == decoder)
            server.tell("cam", garbage=True)
            until(lambda: source.status.causes[Cause.BAD_DATA])
            server.tell("cam", garbage=False)
            until(lambda: source.status.state is State.LIVE)
    assert any(isinstance(item, Skipped) for item in found)


@both
def test_a_change_of_frame_size_starts_a_new_scene(
    clip: Path, tmp_path: Path, decoder: str
) -> None:
    larger = write_units(tmp_path / "larger.units", numbered((640, 96)))
    with Server({"cam": {"clip": clip}}) as server:
        source = live(server.url("cam"), decoder=decoder)
        with reading(source) as found:
            until(lambda: len(found) > 20 and source.decoder.used == decoder)
            server.tell("cam", clip=larger)
            until(lambda: [i for i in found if isinstance(i, Decoded) and i.scene == 1][20:])
        assert source.status.connections == 1
    shown = [item for item in found if isinstance(item, Decoded)]
    sizes = {(item.scene, item.picture.width, item.picture.height) for item in shown}
    assert sizes == {(0, 512, 64), (1, 640, 96)}


@both
def test_jumps_of_the_cameras_clock_do_not_affect_the_time_line(
    server: Server, decoder: str
) -> None:
    with Proxy(server.port) as proxy:
        source = live(f"rtsp://127.0.0.1:{proxy.port}/open", decoder=decoder)
        with reading(source) as found:
            until(lambda: source.decoder.used == decoder)
            for jump in (3600.0, 0.0, 0.0):
                goal = len(found) + 20
                until(lambda goal=goal: len(found) > goal)  # type: ignore[misc]
                proxy.jump = jump
        assert source.status.connections == 1
    shown = [item for item in found if isinstance(item, Decoded)]
    steps = [(b.pts - a.pts) / 90_000 for a, b in pairwise(shown)]  # type: ignore[operator]
    assert all(0 < step < 2 for step in steps)
    assert numbers(shown) == list(range(len(shown)))


def test_a_killed_child_costs_no_connection_and_is_replaced(clip: Path) -> None:
    with Server({"cam": {"clip": clip}}) as server:
        source = live(server.url("cam"), decoder="gstreamer")
        with reading(source) as found:
            until(lambda: source.decoder.used == "gstreamer")
            (first,) = gstreamer_children()
            os.kill(first, signal.SIGKILL)
            until(lambda: gstreamer_children() - {first})
            until(lambda: source.decoder.used == "gstreamer")
            goal = len(found) + 20
            until(lambda: len(found) > goal)
        assert source.status.connections == 1
        assert gstreamer_children() == set()  # they end with the source
    shown = [item for item in found if isinstance(item, Decoded)]
    skipped = {item.reason for item in found if isinstance(item, Skipped)}
    assert len(shown) > 20 and skipped <= {WAITS, "gave no frame"}
    ticks = [item.pts for item in shown]
    assert ticks == sorted(ticks)  # type: ignore[type-var]
    assert [k % 100 for k in (n // 3600 for n in ticks)] == numbers(shown)  # type: ignore[operator]


def test_without_reconnects_the_stream_ends_with_its_server(clip: Path) -> None:
    with (
        Server({"cam": {"clip": clip}}) as server,
        closing(live(server.url("cam"), reconnect=False)) as source,
    ):
        found = decoded(source)
        list(islice(found, 10))
        server.kill()
        list(found)
        assert source.status.state is State.ENDED


def test_a_stream_that_joins_late_starts_with_a_keyframe(server: Server) -> None:
    """The second client joins in mid-clip; frames before the first keyframe have a reason."""
    with closing(live(server.url("open"))) as first:
        ahead = decoded(first)
        list(islice(ahead, GOP // 2))
        with closing(live(server.url("open"))) as second:
            second.open()
            found = list(islice(second, 2 * GOP))
    shown = [item for item in found if isinstance(item, Decoded)]
    skipped = [item.reason for item in found if isinstance(item, Skipped)]
    assert numbers(shown)[0] % GOP == 0  # type: ignore[operator]
    assert set(skipped) <= {"no keyframe yet"}


def test_a_stop_before_opening_or_while_waiting_takes_effect_at_once() -> None:
    source = live("rtsp://127.0.0.1:9/1", retry_seconds=100.0, max_retry_seconds=100.0)
    with reading(source):
        until(lambda: source.status.state is State.BACKOFF)
    assert source.status.state is State.ENDED
    assert source.faults == ["rtsp://127.0.0.1:9/1: never connected: refused (Connection refused)"]
    source = live("rtsp://127.0.0.1:9/1")
    source.stop()
    assert list(decoded(source)) == []


def test_the_old_name_of_an_option_works_with_a_warning() -> None:
    with pytest.warns(RenamedWarning, match="longest_retry_seconds is called max_retry_seconds"):
        source = make_source("rtsp://cam/1", "cam", {"longest_retry_seconds": 3})
    assert type(source).__name__ == "Live"


@pytest.mark.parametrize("option", ["timeout_seconds", "retry_seconds", "max_retry_seconds"])
def test_options_out_of_range_are_refused_without_the_password(option: str) -> None:
    with pytest.raises(UsageError, match=rf"^source 'rtsp://cam/1': {option}: 0.0 given") as caught:
        make_source(f"rtsp://me:{PASSWORD}@cam/1", "cam", {option: 0})
    assert PASSWORD not in str(caught.value)
