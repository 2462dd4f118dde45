"""The connections of viewers, and their limits."""

from __future__ import annotations

import socket
import threading
import time
from typing import NamedTuple

from pipeline.sinks.rtsp.server_child.tcp import ESTABLISHED, cut_off, traffic

MAX_VIEWERS = 100
MAX_VIEWERS_OF_ADDRESS = 25  # a single machine cannot keep all others out
SENT_AT_START = 1 << 16  # bytes
SENT_PER_SECOND = 1 << 13  # bytes; reports about reception need 100
CHECK_SECONDS = 0.1  # between two looks at what viewers have sent


class Arrival(NamedTuple):
    """The address of a viewer, and the monotonic seconds of its arrival."""

    address: str
    at: float


class Viewers:
    """The open connections of viewers. Any thread may call it."""

    def __init__(self) -> None:
        self.arrivals: dict[socket.socket, Arrival] = {}
        self.lock = threading.Lock()

    def admit(self, viewer: socket.socket, address: str) -> bool:
        """Add a connection and return True, or close it and return False: there are too many."""
        with self.lock:
            same = sum(arrival.address == address for arrival in self.arrivals.values())
            if len(self.arrivals) < MAX_VIEWERS and same < MAX_VIEWERS_OF_ADDRESS:
                self.arrivals[viewer] = Arrival(address, time.monotonic())
                return True
        viewer.close()
        return False

    def dismiss(self, viewer: socket.socket) -> None:
        """Close our end of a connection."""
        with self.lock:
            self.arrivals.pop(viewer, None)
        viewer.close()

    def watch(self) -> None:
        """Close connections that have ended, or whose viewers send too much."""
        while True:
            time.sleep(CHECK_SECONDS)
            with self.lock:
                arrivals = list(self.arrivals.items())
            for viewer, arrival in arrivals:
                state, received = traffic(viewer)
                allowed = SENT_AT_START + SENT_PER_SECOND * (time.monotonic() - arrival.at)
                if received > allowed:
                    cut_off(viewer)
                if state != ESTABLISHED or received > allowed:
                    self.dismiss(viewer)
