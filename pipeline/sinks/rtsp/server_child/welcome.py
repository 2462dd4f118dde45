"""A viewer's way from the port that all paths share to the server of one path."""

from __future__ import annotations

import socket
import time

from pipeline.sinks.rtsp.server_child.first_request import answer_options, refuse, requested_url
from pipeline.sinks.rtsp.server_child.path_server import PathServer
from pipeline.sinks.rtsp.server_child.paths import Paths
from pipeline.sinks.rtsp.server_child.viewers import Viewers

HELLO_SECONDS = 10.0  # in which a viewer has to say what it wants
WHOLE_SERVER = b"*"  # instead of a URL: some players ask it for OPTIONS


def welcome(
    viewer: socket.socket, address: tuple[str, int], viewers: Viewers, paths: Paths
) -> None:
    """Find out which path a viewer wants, and pass its connection on; or close it."""
    if not viewers.admit(viewer, address[0]):
        return
    try:
        server = wanted(viewer, paths)
    except OSError:
        server = None
    if server:
        server.serve(viewer, address)
    else:
        viewers.dismiss(viewer)


def wanted(viewer: socket.socket, paths: Paths) -> PathServer | None:
    """Return the server that the first request with a URL names; that request stays unread."""
    until = time.monotonic() + HELLO_SECONDS
    while (url := requested_url(viewer, until)) == WHOLE_SERVER:
        if not answer_options(viewer, until):
            return None
    if url is None:
        return None
    server = paths.at(url)
    if server is None:
        refuse(viewer)
    return server
