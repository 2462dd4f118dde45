"""What travels: a decoded picture with its time, and what each stop on its path adds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum
from fractions import Fraction
from math import inf
from threading import Event, Lock
from typing import TypeAlias

import cv2
import numpy as np

from detector.candidates import Candidates
from detector.detections import Detections, Int64Array, UInt8Array
from detector.engines import Pending
from detector.letterbox import Letterbox
from detector.yuv.colour_space import ColourSpace
from detector.yuv.planes import Planes
from pipeline.analysis import Analysis
from trackers.tracks import Tracks

SQUARE = Fraction(1)  # pixels


@dataclass(frozen=True, slots=True)
class ColourTags:
    """What the colours of a picture mean, as code points of ITU-T H.273; 2: unspecified."""

    primaries: int = 2
    transfer: int = 2


UNTAGGED = ColourTags()
RGB_SPACE = ColourSpace()  # of the planes that are made of red, green and blue


class Picture:
    """A decoded picture, upright: the planes of the decoder, or a BGR array, or both.

    Most video is 4:2:0 with 8 bits, and its planes serve the network and the encoder; a BGR array
    is made at the first request. Where there are no planes, the decoder's own picture is released
    then, which halves the memory.

    to_planes: returns the planes; None: the decoder's picture has none
    space: of the planes
    to_luma: returns the luma, as `luma` does; None: it is computed from the BGR array
    pixel_aspect: width of a pixel by its height when displayed
    colours: for the tags of outputs
    """

    def __init__(
        self,
        width: int,
        height: int,
        to_bgr: Callable[[], UInt8Array],
        *,
        to_planes: Callable[[], Planes] | None = None,
        space: ColourSpace = RGB_SPACE,
        to_luma: Callable[[int], UInt8Array] | None = None,
        pixel_aspect: Fraction = SQUARE,
        colours: ColourTags = UNTAGGED,
    ) -> None:
        self.width = width
        self.height = height
        self.pixel_aspect = pixel_aspect
        self.colours = colours
        self.space = space
        self._to_bgr: Callable[[], UInt8Array] | None = to_bgr
        self._to_planes = to_planes
        self._to_luma = to_luma
        self._planes: Planes | None = None
        self._bgr: UInt8Array | None = None
        self._making = Lock()  # any thread may ask

    @property
    def has_planes(self) -> bool:
        """Whether `planes` are the decoder's, so that they cost no conversion."""
        return self._to_planes is not None

    @property
    def planes(self) -> Planes:
        """The luma and chroma, read-only; made of the BGR array, and not kept, if it has none."""
        if self._to_planes is None:
            return Planes.of_bgr(self.bgr).read_only()
        with self._making:
            if self._planes is None:
                planes = self._to_planes()
                assert planes.size == (self.height, self.width) and planes.space == self.space
                self._planes = planes.read_only()
            return self._planes

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
                if self._to_planes is None:
                    self._to_luma = None
            return self._bgr

    def luma(self, min_height: int) -> UInt8Array:
        """Return the luma, shrunk by a whole number, to `min_height` rows or somewhat more.

        (h, w) uint8, in the range of the source. It costs a conversion to BGR only if the source
        has no plane of luma.
        """
        with self._making:
            to_luma = self._to_luma
            if to_luma is not None:
                return to_luma(min_height)
        return shrunk_luma(np.asarray(cv2.cvtColor(self.bgr, cv2.COLOR_BGR2GRAY)), min_height)

    @classmethod
    def of(cls, bgr: UInt8Array) -> Picture:
        """Return the picture that is this (h, w, 3) BGR array."""
        height, width = bgr.shape[:2]
        return cls(width, height, lambda: bgr)


def shrunk_luma(plane: UInt8Array, min_height: int) -> UInt8Array:
    """Return an (h, w) plane shrunk by a whole number, to `min_height` rows or somewhat more.

    Each cell is the mean of the pixels that it covers; of large cells, of every third row, which
    differs by less than noise and takes a third of the time.
    """
    side = max(1, plane.shape[0] // min_height)
    height, width = plane.shape[0] // side, max(1, plane.shape[1] // side)
    rows = plane[: height * side, : width * side]
    if side % 3 == 0:
        rows = rows[1::3]
    return np.asarray(cv2.resize(rows, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


class Reason(Enum):
    """Why a frame is looked at, or rests."""

    LEARNING = "learning"  # the background is not known yet
    CHANGE = "change"  # most of the picture changed at once
    MOVEMENT = "movement"  # something moves that no track explains
    TRACK = "track"  # the position of a track can no longer be trusted
    DOUBT = "doubt"  # the last look found something, but not surely enough for a track
    AGE = "age"  # the last look is older than `max_rest_seconds`
    SAMPLE = "sample"  # a rest that is looked at all the same, to know what rests miss

    QUIET = "quiet"  # nothing moves
    EXPECTED = "expected"  # only what is tracked moves
    FRUITLESS = "fruitless"  # something moves in which a look has found nothing
    UNDER_WAY = "under way"  # the result of a look is awaited
    BUSY = "busy"  # a look was due, but the engine had no time for this frame


RESTS = (Reason.QUIET, Reason.EXPECTED, Reason.FRUITLESS, Reason.UNDER_WAY, Reason.BUSY)


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether the engine looks at a frame.

    reason: the most urgent one
    worth: of the look: how many times over it is due; grows with time, so that no stream starves
    interval: seconds in which the worth grows by 1
    """

    reason: Reason
    worth: float = 0.0
    interval: float = 1.0

    @property
    def looks(self) -> bool:
        """Whether the frame is looked at."""
        return self.reason not in RESTS

    def later(self, seconds: float) -> Decision:
        """Return the decision if it is carried out on a frame that comes `seconds` later."""
        return replace(self, worth=self.worth + seconds / self.interval)


@dataclass(frozen=True, slots=True)
class Epoch:
    """A clock of a source: it has a new one where recordings were joined, or it was restarted.

    starts_at: time of its first frame on that clock, in seconds
    shift: seconds from that clock to the times of the outputs
    """

    starts_at: Fraction
    shift: Fraction


@dataclass(frozen=True, slots=True)
class Stream:
    """The properties that all frames of one source share.

    name: unique in the run
    url: as the user gave it, credentials removed
    nominal_interval: seconds between two frames, as the container states them
    live: a camera, which does not wait for us
    audio_from: the file whose audio belongs to the video; None if there is no audio
    clock_period: seconds after which the times of the container start again; None: they do not
    epochs: clocks of the source, from the first to that of the frame decoded last; decode appends
        to it, and a sink that copies the audio follows it
    files: names of the pictures by index, below the folder that they have in common, if the source
        is a folder or glob of them
    cut: set once reading was stopped before the source's end (Ctrl-C, --max-frames); a sink that
        copies the audio then ends it with its last frame
    """

    name: str
    url: str
    nominal_interval: Fraction
    live: bool = False
    audio_from: str | None = field(default=None, repr=False)
    clock_period: Fraction | None = None
    epochs: list[Epoch] = field(default_factory=list, compare=False, repr=False)
    files: tuple[str, ...] = field(default=(), compare=False, repr=False)
    cut: Event = field(default_factory=Event, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Ticket:
    """The identity of a frame in the ledger; it outlives the pixels."""

    stream: str
    index: int
    captured_at: float


class Fate(Enum):
    """How a frame ended. Where several sinks disagree, the highest value counts."""

    DROPPED = 1  # left out on purpose: by stride, by overflow
    EMITTED = 2  # written by at least one sink
    FAILED = 3  # lost: a stage broke, or the run was cancelled, while it held the frame


@dataclass(frozen=True, slots=True)
class NotWritten:
    """A frame that a sink did not write.

    reason: in words
    fate: DROPPED if it was left out on purpose, FAILED if it was lost
    """

    ticket: Ticket
    reason: str
    fate: Fate = Fate.DROPPED


class Unnumbered:
    """A picture that is not a frame yet, so that the ledger does not know it."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One decoded picture and its time.

    index: position in the source, counted from 0 before any drop
    pts: as the container gave it, in units of `time_base`; None if it gave none
    ticks: `pts`, repaired where it was missing or did not increase (see `stages.frame_clock`)
    captured_at: `time.monotonic()` seconds of capture if it is known, else of arrival
    scene: frames with the same number belong together; a new one begins after a lost connection
        and when the size of the video changes
    expires_at: `time.monotonic()` seconds after which the frame is too old to be of use
    decision: whether the engine looks at it; None if it looks at every frame of the stream
    shadow: what the decision would be, of a stream that only notes what attention would miss
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
    decision: Decision | None = None
    shadow: Decision | None = None

    @property
    def rests(self) -> bool:
        """Whether the engine does not look at it: its tracks are predicted, not observed."""
        return self.decision is not None and not self.decision.looks

    @property
    def time(self) -> Fraction:
        """Seconds since zero on the clock of the source, exactly."""
        return self.ticks * self.time_base

    @property
    def ticket(self) -> Ticket:
        """The frame's identity in the ledger."""
        return Ticket(self.stream.name, self.index, self.captured_at)


@dataclass(frozen=True, slots=True, eq=False)
class Ready:
    """The frames that the next batch is made of: those that were ready at the same moment."""

    frames: tuple[Frame, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Letterboxed frames, ready for the engine.

    letterboxes: one per frame; they map boxes back to source pixels
    images: (n, h, w, 3) uint8, RGB
    """

    frames: tuple[Frame, ...]
    letterboxes: tuple[Letterbox, ...]
    images: UInt8Array = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class InFlight:
    """A batch that the engine is working on."""

    batch: Batch
    pending: Pending


@dataclass(frozen=True, slots=True, eq=False)
class Inferred:
    """A batch and the engine's output for it."""

    batch: Batch
    candidates: Candidates


@dataclass(frozen=True, slots=True, eq=False)
class Detected:
    """A frame and its detections, in source pixels; none if the frame rests.

    small: (h, w, 3) uint8, RGB: the frame at the network's input size, without padding, or None
    """

    frame: Frame
    detections: Detections
    small: UInt8Array | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Tracked:
    """A frame and its tracks, drawn if a sink needs that. If the frame rests they are predicted.

    drawn: for an encoder, with the boxes in it, read-only; `drawn.bgr()` returns it as BGR
    analysis: of lines and zones; None if there are none
    origins: (n,) int64, the `Origin` of each track's box if tracks were refined, else None
    """

    frame: Frame
    tracks: Tracks
    drawn: Planes | None = field(default=None, repr=False)
    analysis: Analysis | None = field(default=None, repr=False)
    origins: Int64Array | None = field(default=None, repr=False)


Item: TypeAlias = (
    Unnumbered
    | Frame
    | Ready
    | Batch
    | InFlight
    | Inferred
    | Detected
    | Tracked
    | Ticket
    | NotWritten
)


def tickets_of(item: Item) -> tuple[Ticket, ...]:
    """Return the tickets of the frames in `item`, oldest first: none may be lost unnoticed."""
    match item:
        case Unnumbered():
            return ()
        case Ticket():
            return (item,)
        case Frame() | NotWritten():
            return (item.ticket,)
        case Ready() | Batch():
            return tuple(frame.ticket for frame in item.frames)
        case InFlight() | Inferred():
            return tuple(frame.ticket for frame in item.batch.frames)
        case Detected() | Tracked():
            return (item.frame.ticket,)
