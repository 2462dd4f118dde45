"""The process of a node: `python -m pipeline.node.process FOLDER` starts it and returns.

It is nobody's child. A cluster that restarts its own processes, or loses its head, does not end it.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from contextlib import ExitStack
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from threading import Event

SOCKET = "node.sock"
LOCK = "node.lock"
LOGS = "logs"


def main(folder: Path) -> None:
    """Run a node in a folder until it is asked to stop; return at once if one runs there."""
    with (folder / LOCK).open("a") as lock:
        try:
            flock(lock, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            return
        _serve(folder)


def _serve(folder: Path) -> None:
    from pipeline.connections.local_socket import LocalServer
    from pipeline.monitor.malloc_trim import MallocTrim
    from pipeline.node.camera_logs import CameraLogs
    from pipeline.node.node import Node
    from pipeline.process_settings import apply_process_settings

    apply_process_settings()
    log, logs, stopped = logging.getLogger("framelane"), CameraLogs(folder / LOGS), Event()
    log.addHandler(logs)
    log.setLevel(logging.INFO)
    node, trim = Node(folder, logs, stopped.set), MallocTrim()
    signal.signal(signal.SIGTERM, lambda *_: node.end())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal far away
    with ExitStack() as around:
        node.start()
        around.callback(node.join)
        around.enter_context(LocalServer(folder / SOCKET, node.answer))
        while not stopped.wait(1.0):
            trim.look()


def detach(folder: Path) -> None:
    """Leave the session and the parent of this process; the output goes to a file."""
    if os.fork():
        os._exit(0)
    os.setsid()
    if os.fork():
        os._exit(0)
    (folder / LOGS).mkdir(parents=True, exist_ok=True)
    output = os.open(folder / LOGS / "output.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    os.closerange(3, 1 << 16)  # the parent's connections
    os.chdir(folder)


if __name__ == "__main__":
    detach(Path(sys.argv[1]))
    main(Path(sys.argv[1]))
