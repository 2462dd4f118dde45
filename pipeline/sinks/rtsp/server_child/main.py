"""The two sockets of the server: a Unix socket for streams, a port for viewers."""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from typing import Any

from pipeline.sinks.rtsp.server_child.gst import GLib, Gst
from pipeline.sinks.rtsp.server_child.parent import end_with_standard_input, serve_stream
from pipeline.sinks.rtsp.server_child.paths import Paths
from pipeline.sinks.rtsp.server_child.viewers import Viewers
from pipeline.sinks.rtsp.server_child.welcome import welcome

PAUSE_SECONDS = 0.1  # after a connection that could not be accepted


def main() -> None:
    """Serve until standard input ends."""
    options = json.loads(sys.argv[1])
    Gst.init(None)
    family = socket.AF_INET6 if ":" in options["address"] else socket.AF_INET
    try:
        port = socket.create_server((options["address"], options["port"]), family=family)
    except OSError:
        print("the address is in use, or does not belong to this machine", flush=True)
        return
    streams = socket.socket(socket.AF_UNIX)
    streams.bind(options["socket"])
    streams.listen()
    paths, viewers = Paths(), Viewers()
    start(accept, streams, lambda connection, _: serve_stream(connection, paths))
    start(accept, port, lambda viewer, address: welcome(viewer, address, viewers, paths))
    start(viewers.watch)
    start(end_with_standard_input, options["socket"])
    print("ready", flush=True)
    GLib.MainLoop().run()


def accept(listener: socket.socket, serve: Any) -> None:
    """Accept connections, each served on its own thread."""
    while True:
        try:
            connection, address = listener.accept()
        except OSError:  # too many open files, or the peer has gone already
            time.sleep(PAUSE_SECONDS)
            continue
        start(serve, connection, address)


def start(call: Any, *arguments: Any) -> None:
    """Run it on a thread that the process does not wait for."""
    threading.Thread(target=call, args=arguments, daemon=True).start()
