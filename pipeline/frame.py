"""What travels: a picture with its time, and what each stop adds to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from math import inf
from threading import Event, Lock
from typing import Protocol

import numpy as np

from detector.candidates import Candidates
from detector.detections import Detections, UInt8Array
from detector.engines import Pending
from detector.letterbox import Letterbox
from pipeline.analytics.events import Analysis
from trackers.tracks import Tracks

SQUARE = Fraction(1)  # pixels


class Picture:
    """A decoded picture, upright; its BGR array is made once, for whoever asks first.

    What it is made from, the decoder's own picture, is let go then: half of the memory.

    pixel_aspect: width of a pixel by its height, as it is to be shown
    """

    def __init__(
        self,
        width: int,
        height: int,
        to_bgr: Callable[[], UInt8Array],
        *,
        pixel_aspect: Fraction = SQUARE,
    ) -> None:
        self.width = width
        self.height = height
        self.pixel_aspect = pixel_aspect
        self._to_bgr: Callable[[], UInt8Array] | None = to_bgr
        self._bgr: UInt8Array | None = None
        self._making = Lock()  # any thread may ask

    @property
    def bgr(self) -> UInt8Array:
        """(h, w, 3) uint8, BGR, read-only."""
        with self._making:
            if self._bgr is None:
                assert self._to_bgr
                bgr = self._to_bgr()
                assert bgr.shape == (self.height, self.width, 3) and bgr.dtype == np.uint8
                bgr.flags.writeable = False
                self._bgr, self._to_bgr = bgr, None
            return self._bgr

    @classmethod
    def of(cls, bgr: UInt8Array) -> Picture:
        """Return the picture that is this (h, w, 3) BGR array."""
        height, width = bgr.shape[:2]
        return cls(width, height, lambda: bgr)


@dataclass(frozen=True, slots=True)
class Stream:
    """Where frames come from: what is true of all frames of one source.

    name: unique in the run; url: as given, credentials removed
    nominal_interval: seconds between two frames, as the container promises
    live: a camera, which does not wait for us
    audio_from: the file whose audio belongs to the pictures, None where there is none
    cut: set once reading was stopped before the source's end (Ctrl-C, --max-frames); a sink that
        copies the audio then ends with its last frame
    """

    name: str
    url: str
    nominal_interval: Fraction
    live: bool = False
    audio_from: str | None = field(default=None, repr=False)
    cut: Event = field(default_factory=Event, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Ticket:
    """What the ledger knows a frame by, long after its pixels are gone."""

    stream: str
    index: int
    captured_at: float

    @property
    def tickets(self) -> tuple[Ticket, ...]:
        """Itself (see Item)."""
        return (self,)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A frame that a sink did not write.

    reason: in words; failed: it was to be written and is lost, not left out on purpose
    """

    ticket: Ticket
    reason: str
    failed: bool = False

    @property
    def tickets(self) -> tuple[Ticket, ...]:
        """The frame's own (see Item)."""
        return (self.ticket,)


class Item(Protocol):
    """Anything that travels knows whose frames it carries, so that none is lost unseen."""

    @property
    def tickets(self) -> tuple[Ticket, ...]:
        """The tickets of the frames in this item, oldest first."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One decoded picture and its time.

    index: position in the source, counted from 0 before any drop
    pts: as the container gave it, in units of `time_base`; None where it gave none
    ticks: `pts`, repaired where it was missing or did not increase (DESIGN.md 5)
    captured_at: `time.monotonic()` seconds of capture, as far as it is known, else of arrival
    scene: frames with the same number belong together; a lost connection or another size of the
        pictures begins a new one
    expires_at: `time.monotonic()` seconds after which nobody wants the frame any more
    """

    stream: Stream
    index: int
    pts: int | None
    ticks: int
    time_base: Fraction
    captured_at: float
    picture: Picture = field(repr=False)
    scene: int = 0
    expires_at: float = inf

    @property
    def time(self) -> Fraction:
        """Seconds since the clock of the source began, exactly."""
        return self.ticks * self.time_base

    @property
    def ticket(self) -> Ticket:
        """What the ledger knows this frame by."""
        return Ticket(self.stream.name, self.index, self.captured_at)

    @property
    def tickets(self) -> tuple[Ticket, ...]:
        """The frame's own (see Item)."""
        return (self.ticket,)


@dataclass(frozen=True, slots=True, eq=False)
class Ready:
    """Frames that were ready at the same moment: what the next batch is made of."""

    frames: tuple[Frame, ...]

    @property
    def tickets(self) -> tuple[Ticket, ...]:
        """One per frame (see Item)."""
        return tuple(frame.ticket for frame in self.frames)


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Letterboxed frames, ready for the engine.

    images: (n, h, w, 3) uint8, RGB; letterboxes: the way back, one per frame
    """

    frames: tuple[Frame, ...]
    letterboxes: tuple[Letterbox, ...]
    images: UInt8Array = field(repr=False)

    @property
    def tickets(self) -> tuple[Ticket, ...]:
        """One per frame (see Item)."""
        return tuple(frame.ticket for frame in self.frames)


@dataclass(frozen=True, slots=True, eq=False)
class InFlight:
    """A batch that the engine is working on."""

    batch: Batch
    pending: Pending

    @property
    def tickets(self) -> tuple[Ticket, ...]:
        """The batch's (see Item)."""
        return self.batch.tickets


@dataclass(frozen=True, slots=True, eq=False)
class Inferred:
    """A batch and what the engine said of it."""

    batch: Batch
    candidates: Candidates

    @property
    def tickets(self) -> tuple[Ticket, ...]:
        """The batch's (see Item)."""
        return self.batch.tickets


@dataclass(frozen=True, slots=True, eq=False)
class Detected:
    """A frame and the objects found in it, in source pixels.

    small: (h, w, 3) uint8, RGB: the frame as the network saw it, without padding, or None
    """

    frame: Frame
    detections: Detections
    small: UInt8Array | None = field(default=None, repr=False)

    @property
    def tickets(self) -> tuple[Ticket, ...]:
        """The frame's own (see Item)."""
        return self.frame.tickets


@dataclass(frozen=True, slots=True, eq=False)
class Tracked:
    """A frame, its tracks, and the picture with the tracks drawn if a sink wants one.

    drawn: (h, w, 3) uint8, BGR, or None
    analysis: what lines and zones say of it, None where there are none
    """

    frame: Frame
    tracks: Tracks
    drawn: UInt8Array | None = field(default=None, repr=False)
    analysis: Analysis | None = field(default=None, repr=False)

    @property
    def tickets(self) -> tuple[Ticket, ...]:
        """The frame's own (see Item)."""
        return self.frame.tickets
