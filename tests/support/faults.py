"""What befalls cameras, receivers and disks: each fault for real, for as long as it is open."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress

from pipeline.config import SourceConfig
from tests.support.cameras import Server, until
from tests.support.rtsp_proxy import Proxy
from tests.support.runs import status
from tests.support.site import GUEST, Site

Fault = Callable[[Site, str], AbstractContextManager[str]]  # the camera -> the stream it is seen at


@contextmanager
def server_killed(site: Site, camera: str) -> Iterator[str]:
    """The camera loses its power, and gets it back."""
    site.cameras[camera].kill()
    try:
        yield camera
    finally:
        site.cameras[camera].start()


@contextmanager
def server_frozen(site: Site, camera: str) -> Iterator[str]:
    """The camera stops in the middle of what it does (SIGSTOP)."""
    site.cameras[camera].freeze()
    try:
        yield camera
    finally:
        site.cameras[camera].thaw()


@contextmanager
def pictures_stop(site: Site, camera: str) -> Iterator[str]:
    """The camera stays connected and sends nothing."""
    site.cameras[camera].tell(camera, paused=True)
    try:
        yield camera
    finally:
        site.cameras[camera].tell(camera, paused=False)


@contextmanager
def garbage(site: Site, camera: str) -> Iterator[str]:
    """The camera sends noise for pictures."""
    site.cameras[camera].tell(camera, garbage=True)
    try:
        yield camera
    finally:
        site.cameras[camera].tell(camera, garbage=False)


@contextmanager
def another_size(site: Site, camera: str) -> Iterator[str]:
    """The camera's pictures are smaller for a while."""
    site.cameras[camera].tell(camera, clip=site.smaller)
    try:
        yield camera
    finally:
        site.cameras[camera].tell(camera, clip=site.clip)


@contextmanager
def receiver_killed(site: Site, camera: str) -> Iterator[str]:
    """What the pictures are pushed to dies, and comes back."""
    site.wall.kill()
    try:
        yield camera
    finally:
        site.wall.start()


@contextmanager
def receiver_frozen(site: Site, camera: str) -> Iterator[str]:
    """What the pictures are pushed to stops taking them."""
    site.wall.freeze()
    try:
        yield camera
    finally:
        site.wall.thaw()


@contextmanager
def disk_full(site: Site, camera: str) -> Iterator[str]:
    """The disk of the segments fills up."""
    assert site.disk
    ballast = site.disk / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(1 << 16))
    try:
        yield camera
    finally:
        ballast.unlink()


EXISTING_STREAM: Mapping[str, Fault] = {  # by a stream that is there
    "server killed and restarted": server_killed,
    "server stopped (SIGSTOP)": server_frozen,
    "server sends nothing": pictures_stop,
    "stream turns into garbage": garbage,
    "resolution changes": another_size,
    "receiver killed and restarted": receiver_killed,
    "receiver stopped (SIGSTOP)": receiver_frozen,
    "disk full": disk_full,
}


@contextmanager
def _guest(site: Site, url: str) -> Iterator[str]:
    """Add a stream to the run at the site, for as long as this is open."""
    assert site.run
    given = {"url": url, "name": GUEST, "timeout_seconds": 2.0}
    name = site.run.add(SourceConfig.model_validate(given))
    try:
        yield name
    finally:
        site.run.remove(name)


@contextmanager
def dead_from_the_start(site: Site, _: str) -> Iterator[str]:
    """Nobody listens there."""
    with _guest(site, "rtsp://127.0.0.1:9/1") as name:
        yield name


@contextmanager
def silent_server(site: Site, _: str) -> Iterator[str]:
    """Somebody listens, and never says a word."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        _guest(site, f"rtsp://127.0.0.1:{listener.getsockname()[1]}/1") as name,
    ):
        yield name


@contextmanager
def unauthorised(site: Site, _: str) -> Iterator[str]:
    """The camera answers 401."""
    with (
        Server({"locked": {"clip": site.clip, "user": "viewer:another"}}) as server,
        _guest(site, server.url("locked", "viewer:wrong")) as name,
    ):
        yield name


@contextmanager
def not_found(site: Site, camera: str) -> Iterator[str]:
    """The camera answers 404."""
    with _guest(site, site.cameras[camera].url("nothing")) as name:
        yield name


@contextmanager
def clock_jumps(site: Site, camera: str) -> Iterator[str]:
    """The times of a camera's pictures jump by an hour.

    The camera that is there sends nothing meanwhile: one more would be a load, not a fault.
    """
    with (
        pictures_stop(site, camera),
        Server({"guest": {"clip": site.clip}}) as server,
        Proxy(server.port) as proxy,
        _guest(site, f"rtsp://127.0.0.1:{proxy.port}/guest") as name,
    ):
        assert site.run
        guest = status(site.run, name)
        until(lambda: guest.connections)
        proxy.jump = 3600.0
        yield name


NEW_STREAM: Mapping[str, Fault] = {  # by a stream that is added for it
    "dead from the start": dead_from_the_start,
    "server accepts and stays silent": silent_server,
    "401": unauthorised,
    "404": not_found,
    "clock jumps by an hour": clock_jumps,
}

FAULTS: Mapping[str, Fault] = {**EXISTING_STREAM, **NEW_STREAM}
