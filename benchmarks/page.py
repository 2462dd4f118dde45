"""python -m benchmarks.page: the live view in a browser, from camera to screen, and what it costs.

The cameras are RTSP servers on this machine, with 25 frames per second and a keyframe every second;
they, Chromium and the viewers share its cores with the run.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from selectors import EVENT_READ, DefaultSelector
from threading import Event
from time import monotonic, process_time, time
from typing import Any, cast

import click
import numpy as np

from benchmarks.live.site import LOOP_SECONDS, configuration, model_options, street
from benchmarks.result import Result
from pipeline.access.config import ServeConfig
from pipeline.config import RunConfig
from tests.support.browser import chromium, page_of
from tests.support.cameras import FPS, Server, until
from tests.support.runs import emitted
from tests.support.shown_numbers import shown_numbers
from tests.support.web import Visitor, visited

CAMERAS = ("cam-1", "cam-2", "cam-3", "cam-4")
VIEWERS = 10
SETTLED = 10.0  # seconds before anything is measured
UPGRADE = (  # to a WebSocket; the key is any one
    "GET /api/v1/cameras/{name}/live HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\n"
    "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
NEAR_EDGE = "() => document.querySelector('video')?.currentTime > 5"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Measure the live view in a browser."""


@main.command()
@click.option("--seconds", type=click.IntRange(5), default=60, show_default=True)
@model_options
def glass(seconds: int, model: str, engine: str) -> None:
    """Print the age of frames on the screen, and whether p95 is below a second."""
    clip = street()
    with Server({"cam": {"clip": clip}}) as server:
        config = _served({"cam": server.url("cam")}, model, engine)
        with visited(config) as visitor, chromium() as browser:
            began_at = server.wait_for("began_at")["began_at"] + time() - monotonic()
            with page_of(browser, visitor.port, "/cameras/cam") as page:
                page.wait_for_function(NEAR_EDGE)
                page.wait_for_timeout(SETTLED * 1000)
                samples = shown_numbers(page, seconds * FPS)
    ages = [
        _age(each.number, each.shown_at - began_at) for each in samples if each.number is not None
    ]
    p50, p95, p99 = (1e3 * value for value in np.percentile(ages, (50, 95, 99)))
    with_tracks = sum(each.tracks is not None for each in samples) / len(samples)
    _print(
        Result("frames that were read from the screen", f"{len(ages)} of {seconds * FPS}"),
        Result("age on the screen, p50, p99", f"{p50:.0f} ms, {p99:.0f} ms"),
        Result("age on the screen, p95", f"{p95:.0f} ms", "below 1000 ms", bool(p95 < 1000)),
        Result("frames with their tracks over them", f"{with_tracks:.1%}"),
    )


@main.command()
@click.option("--seconds", type=click.IntRange(5), default=30, show_default=True)
@click.option(
    "--stride", type=click.IntRange(1), default=5, show_default=True, help="Detect on every k-th."
)
@model_options
def viewers(seconds: int, stride: int, model: str, engine: str) -> None:
    """Print what ten viewers of four cameras cost beside none."""
    alone = _cost(seconds, stride, model, engine, viewers=0)
    watched = _cost(seconds, stride, model, engine, viewers=VIEWERS)
    moved = watched["p95"] - alone["p95"]
    _print(
        Result("CPU without viewers", f"{alone['cores']:.2f} cores"),
        Result(f"CPU with {VIEWERS} viewers of {len(CAMERAS)}", f"{watched['cores']:.2f} cores"),
        Result("latency p95 without viewers", f"{alone['p95']:.0f} ms"),
        Result(
            "latency p95 moves by",
            f"{moved:.0f} ms",
            f"less than {1000 / FPS:.0f} ms",
            moved < 1000 / FPS,
        ),
        Result(
            "frames emitted without, with viewers", f"{alone['fps']:.1f}, {watched['fps']:.1f}/s"
        ),
    )


@main.command(hidden=True)
@click.argument("port", type=int)
def watch(port: int) -> None:
    """Look at all cameras, VIEWERS times each, until this process is killed.

    What arrives is read and not looked at: viewers have machines of their own, so they should take
    as little as possible from this one.
    """
    selector = DefaultSelector()

    def look(name: str) -> None:
        viewer = socket.create_connection(("127.0.0.1", port))
        viewer.sendall(UPGRADE.format(name=name).encode())
        selector.register(viewer, EVENT_READ, name)

    for name in CAMERAS * VIEWERS:
        look(name)
    unread = bytearray(1 << 20)
    while True:
        for key, _ in selector.select():
            viewer = cast(socket.socket, key.fileobj)
            if not viewer.recv_into(unread):  # after 40 s, because it answers no ping
                selector.unregister(viewer)
                viewer.close()
                look(key.data)


def _cost(seconds: int, stride: int, model: str, engine: str, *, viewers: int) -> dict[str, float]:
    clip = street()
    with Server({name: {"clip": clip} for name in CAMERAS}) as server:
        urls = {name: server.url(name) for name in CAMERAS}
        config = _served(urls, model, engine, stride=stride)
        with visited(config) as visitor:
            until(lambda: all(emitted(visitor.run, name) > FPS for name in CAMERAS))
            with _watched(visitor.port) if viewers else _nobody():
                Event().wait(SETTLED)
                before, cpu = _frames(visitor), process_time()
                Event().wait(seconds)
                cores = (process_time() - cpu) / seconds
                fps = (_frames(visitor) - before) / seconds
            stats: dict[str, Any] = visitor.ask("GET", "/api/v1/stats").content
    p95 = max(stats["streams"][name]["latency_ms"]["p95"] for name in CAMERAS)
    return {"cores": cores, "p95": p95, "fps": fps}


@contextmanager
def _watched(port: int) -> Iterator[None]:
    command = [sys.executable, "-m", "benchmarks.page", "watch", str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        yield
        process.kill()


@contextmanager
def _nobody() -> Iterator[None]:
    yield


def _served(urls: dict[str, str], model: str, engine: str, **options: Any) -> RunConfig:
    plain = configuration(urls, model, engine, **options)
    return plain.model_copy(update={"outputs": (), "serve": ServeConfig(address="127.0.0.1:0")})


def _frames(visitor: Visitor) -> int:
    return sum(emitted(visitor.run, name) for name in CAMERAS)


def _age(number: int, shown_at: float) -> float:
    """Return the seconds since a numbered frame was sent; shown_at: seconds since the first."""
    period = LOOP_SECONDS
    rounds = (shown_at - number / FPS) // period
    return shown_at - (rounds * period + number / FPS)


def _print(*results: Result) -> None:
    for result in results:
        click.echo(str(result))
    sys.exit(int(any(result.holds is False for result in results)))


if __name__ == "__main__":
    main()
