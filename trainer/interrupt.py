"""Ctrl-C and SIGTERM: the training stops at the next point from which it can resume."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stop_requested(*, ignore_repeats: bool = False) -> Iterator[Event]:
    """Yield an event that the first signal sets; a second signal has its usual effect.

    ignore_repeats: a second signal has no effect, because torchrun repeats the signal that the
        terminal has already sent to all processes
    Main thread only, where Python delivers signals.
    """
    requested = Event()
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def request(number: int, frame: FrameType | None) -> None:
        requested.set()
        if not ignore_repeats:
            restore()

    for number in SIGNALS:
        signal.signal(number, request)
    try:
        yield requested
    finally:
        restore()
