"""Ctrl-C and SIGTERM as a wish: the training ends where it can be taken up again."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stop_requested(*, ignore_repeats: bool = False) -> Iterator[Event]:
    """Give an event that the first signal sets; the second ends the process as it always would.

    patient: later ones are as the first, because torchrun passes on what a terminal has sent to
    everyone already. On the main thread only, where Python delivers signals.
    """
    asked = Event()
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def ask(number: int, frame: FrameType | None) -> None:
        asked.set()
        if not ignore_repeats:
            restore()

    for number in SIGNALS:
        signal.signal(number, ask)
    try:
        yield asked
    finally:
        restore()
