"""Faults of cameras, receivers and disks: each is real, and lasts as long as its context."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress

from pipeline.config import SourceConfig
from tests.support.cameras import Server, until
from tests.support.rtsp_proxy import Proxy
from tests.support.runs import status
from tests.support.site import GUEST, Site

Fault = Callable[[Site, str], AbstractContextManager[str]]  # (site, camera) -> affected stream


@contextmanager
def server_killed(site: Site, camera: str) -> Iterator[str]:
    """The server of a camera is killed, and restarted at the end."""
    site.cameras[camera].kill()
    try:
        yield camera
    finally:
        site.cameras[camera].start()


@contextmanager
def server_frozen(site: Site, camera: str) -> Iterator[str]:
    """The server of a camera is stopped (SIGSTOP), and continued at the end."""
    site.cameras[camera].freeze()
    try:
        yield camera
    finally:
        site.cameras[camera].thaw()


@contextmanager
def no_frames(site: Site, camera: str) -> Iterator[str]:
    """The camera stays connected and sends nothing."""
    site.cameras[camera].tell(camera, paused=True)
    try:
        yield camera
    finally:
        site.cameras[camera].tell(camera, paused=False)


@contextmanager
def garbage(site: Site, camera: str) -> Iterator[str]:
    """The camera sends noise instead of frames."""
    site.cameras[camera].tell(camera, garbage=True)
    try:
        yield camera
    finally:
        site.cameras[camera].tell(camera, garbage=False)


@contextmanager
def another_size(site: Site, camera: str) -> Iterator[str]:
    """The camera sends smaller frames."""
    site.cameras[camera].tell(camera, clip=site.smaller)
    try:
        yield camera
    finally:
        site.cameras[camera].tell(camera, clip=site.clip)


@contextmanager
def receiver_killed(site: Site, camera: str) -> Iterator[str]:
    """The receiver is killed, and restarted at the end."""
    site.receiver.kill()
    try:
        yield camera
    finally:
        site.receiver.start()


@contextmanager
def receiver_frozen(site: Site, camera: str) -> Iterator[str]:
    """The receiver is stopped (SIGSTOP), and continued at the end."""
    site.receiver.freeze()
    try:
        yield camera
    finally:
        site.receiver.thaw()


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


EXISTING_STREAM: Mapping[str, Fault] = {  # faults of a stream of the site
    "server killed and restarted": server_killed,
    "server stopped (SIGSTOP)": server_frozen,
    "server sends nothing": no_frames,
    "stream turns into garbage": garbage,
    "resolution changes": another_size,
    "receiver killed and restarted": receiver_killed,
    "receiver stopped (SIGSTOP)": receiver_frozen,
    "disk full": disk_full,
}


@contextmanager
def _guest(site: Site, url: str) -> Iterator[str]:
    """Add a stream to the run at the site, and remove it at the end."""
    assert site.run
    source = {"url": url, "name": GUEST, "timeout_seconds": 2.0}
    name = site.run.add(SourceConfig.model_validate(source))
    try:
        yield name
    finally:
        site.run.remove(name)


@contextmanager
def never_there(site: Site, _: str) -> Iterator[str]:
    """Nothing listens at the address."""
    with _guest(site, "rtsp://127.0.0.1:9/1") as name:
        yield name


@contextmanager
def silent_server(site: Site, _: str) -> Iterator[str]:
    """The server accepts connections, and never answers."""
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
    """The times of a camera's frames jump by an hour.

    The site's camera sends nothing meanwhile, so that the load stays the same.
    """
    with (
        no_frames(site, camera),
        Server({"guest": {"clip": site.clip}}) as server,
        Proxy(server.port) as proxy,
        _guest(site, f"rtsp://127.0.0.1:{proxy.port}/guest") as name,
    ):
        assert site.run
        guest = status(site.run, name)
        until(lambda: guest.connections)
        proxy.jump = 3600.0
        yield name


NEW_STREAM: Mapping[str, Fault] = {  # faults of a stream that is added for them
    "dead from the start": never_there,
    "server accepts and stays silent": silent_server,
    "401": unauthorised,
    "404": not_found,
    "clock jumps by an hour": clock_jumps,
}

FAULTS: Mapping[str, Fault] = {**EXISTING_STREAM, **NEW_STREAM}
