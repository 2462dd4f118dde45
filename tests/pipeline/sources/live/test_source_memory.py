"""Cameras that send without end: the memory of the process that reads them has a ceiling."""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import repeat
from threading import Thread

import pytest

from tests.support.cameras import CAP
from tests.support.environment import PASSWORD
from tests.support.web_cameras import found, web_camera

CEILING = 700  # MB above an idle process; docs/live.md states it
READER = f"""
import resource, sys
from tests.support.cameras import until
from tests.support.live_streams import live, reading
from pipeline.memory_limits import limit_blocks

def megabytes(name):
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) >> 10

assert limit_blocks()
idle = megabytes("VmRSS")
most = megabytes("VmData") + 2 * {CEILING}  # so that the machine survives a failure
resource.setrlimit(resource.RLIMIT_DATA, (most << 20, most << 20))
source = live(sys.argv[1], timeout_seconds=2.0)
with reading(source):
    until(lambda: sum(source.status.causes.values()) >= 2)  # memory of the first is free again
print(megabytes("VmHWM") - idle, source.status.trouble)
"""
SDP = (
    "v=0\r\no=- 0 0 IN IP4 1\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
    "a=fmtp:96 packetization-mode=1;"
    "sprop-parameter-sets=Z0LAHtkDxWhAAAADAEAAAAwDxYuS,aMuMsg==\r\na=control:t0\r\n"
)


@contextmanager
def rtsp(bodies: Callable[[str], tuple[str, Iterator[bytes]]]) -> Iterator[str]:
    """Answer RTSP requests; bodies: more headers and the body for a method, perhaps endless."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve(client: socket.socket) -> None:
            with client, suppress(OSError, ValueError), client.makefile("rb") as requests:
                while request := requests.readline().decode():
                    number = ""
                    while (line := requests.readline().strip().decode()) != "":
                        number = line if line.lower().startswith("cseq") else number
                    more, body = bodies(request.split()[0])
                    client.sendall(f"RTSP/1.0 200 OK\r\n{number}\r\n{more}\r\n".encode())
                    for piece in body:
                        client.sendall(piece)

        threads: list[Thread] = []

        def accept() -> None:
            with suppress(OSError):
                while True:
                    threads.append(Thread(target=serve, args=listener.accept()[:1]))
                    threads[-1].start()

        thread = Thread(target=accept)
        thread.start()
        yield f"rtsp://viewer:{PASSWORD}@127.0.0.1:{listener.getsockname()[1]}/1"
        listener.shutdown(socket.SHUT_RDWR)
        for each in (thread, *threads):
            each.join(CAP)


def description_without_end(method: str) -> tuple[str, Iterator[bytes]]:
    if method != "DESCRIBE":
        return "Public: DESCRIBE, SETUP, PLAY\r\n", iter(())
    head = "Content-Type: application/sdp\r\nContent-Length: 2000000000\r\n"
    return head, repeat(b"a=x:" + b"y" * 1000 + b"\r\n")


def picture_without_end(method: str) -> tuple[str, Iterator[bytes]]:
    if method == "DESCRIBE":
        head = f"Content-Type: application/sdp\r\nContent-Length: {len(SDP)}\r\n"
        return head, iter([SDP.encode()])
    if method == "SETUP":
        return "Session: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n", iter(())
    return "Session: 1\r\n", fragments() if method == "PLAY" else iter(())


def fragments() -> Iterator[bytes]:
    """Yield the fragments of one picture (FU-A), of which none is the last."""
    for number in range(10**6):
        head = struct.pack(">BBHII", 0x80, 96, number & 0xFFFF, 12345, 1)
        packet = head + bytes([0x7C, 5 if number else 0x85]) + b"\x55" * 60_000
        yield b"$\0" + struct.pack(">H", len(packet)) + packet


def checked(url: str) -> None:
    """Read a camera in a process of its own: it goes on, says why, and stays under the ceiling."""
    line = [sys.executable, "-c", READER, url]
    ended = subprocess.run(line, capture_output=True, text=True, timeout=2 * CAP, check=False)
    assert ended.returncode == 0, ended.stderr
    megabytes, trouble = ended.stdout.split(" ", 1)
    assert int(megabytes) < CEILING, trouble
    assert trouble.startswith(("bad data", "timed out")), trouble
    assert PASSWORD not in ended.stdout + ended.stderr


@pytest.mark.parametrize("hostile", [description_without_end, picture_without_end])
def test_an_rtsp_camera_cannot_take_the_memory(
    hostile: Callable[[str], tuple[str, Iterator[bytes]]],
) -> None:
    with rtsp(hostile) as url:
        checked(url)


@pytest.mark.parametrize(
    ("path", "begin"),
    [
        ("/a.mjpg", b"--b\r\nContent-Length: 2000000000\r\n\r\n\xff\xd8"),
        ("/a.mjpg", b"\xff\xd8\xff\xda\x00\x02"),
        ("/a.m3u8", b"#EXTM3U\n"),
    ],
)
def test_a_web_camera_cannot_take_the_memory(path: str, begin: bytes) -> None:
    with web_camera(lambda _: [found(begin), *repeat(bytes(1 << 20), 4000)]) as url:
        checked(url + path)
