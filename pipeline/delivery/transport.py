"""What a transport is: one kind of receiver, and how messages get to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import ClassVar

from pipeline.delivery.message import Message
from pipeline.delivery.retries import Schedule
from pipeline.events.record import EventRecord, Phase


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera as home automation shows it.

    name: of its stream; classes: of the objects that its events are about
    zones, lines: their names
    """

    name: str
    classes: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()


class Transport:
    """Delivers messages to one receiver.

    All methods but `wake`, `interrupt`, `observe` and `cameras` are called on its deliverer's
    thread. The constructor is `Class(url, folder, schedule, *, options)`. It connects to nothing,
    and raises UsageError for a URL that it cannot use.

    folder: of the events, to which their paths are relative
    schedule: of the retries; None: the kind's own
    accepted: schemes of its URLs ("mqtt://") or endings of its files (".jsonl")
    required: options without a default
    batch: how many messages it takes at once
    on_connected: is called when a connection is made, if it keeps one
    """

    accepted: ClassVar[tuple[str, ...]] = ()
    required: ClassVar[tuple[str, ...]] = ()
    batch: ClassVar[int] = 1

    def __init__(self, url: str, folder: Path, schedule: Schedule) -> None:
        self.url = url
        self.folder = folder
        self.schedule = schedule
        self.on_connected: Callable[[], None] = lambda: None
        self._woken = Event()

    def deliver(self, messages: Sequence[Message], delivered: Callable[[Message], None]) -> None:
        """Deliver messages in order, and call `delivered` for each that the receiver acknowledged.

        Raises Undelivered at the first that it does not acknowledge.
        """
        raise NotImplementedError

    def wait(self, seconds: float | None) -> None:
        """Wait for messages until `wake`, or for this long; a connection is kept meanwhile.

        Raises Undelivered if there is no connection.
        """
        self.pause(seconds)

    def pause(self, seconds: float | None) -> None:
        """Wait until `wake`, or for this long, without a connection."""
        self._woken.wait(seconds)
        self._woken.clear()

    def wake(self) -> None:
        """End the current `wait`, or the next one. Any thread."""
        self._woken.set()

    def interrupt(self) -> None:
        """Make what `deliver` waits for fail at once, now and later. Any thread."""

    def observe(self, record: EventRecord, phase: Phase) -> None:
        """Take note of a change as it happens, for receivers that show states. Any thread."""

    def cameras(self, added: Iterable[Camera] = (), removed: Iterable[str] = ()) -> None:
        """Take note of cameras that come or go. Any thread."""

    def close(self) -> None:
        """Release everything; within half a second."""
