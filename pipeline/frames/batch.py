"""Frames that are together in the engine, from those that were ready to the engine's output."""

from __future__ import annotations

from dataclasses import dataclass, field

from detector.candidates import Candidates
from detector.detections import UInt8Array
from detector.engines import Pending
from detector.letterbox import Letterbox
from pipeline.frames.frame import Frame


@dataclass(frozen=True, slots=True, eq=False)
class Ready:
    """The frames that the next batch is made of: those that were ready at the same moment."""

    frames: tuple[Frame, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Frames, ready for the engine.

    letterboxes: one per frame; they map boxes back to source pixels
    images: (n, h, w, 3) uint8, RGB, letterboxed; None: the frames lie on the engine's GPU, and are
        letterboxed there
    """

    frames: tuple[Frame, ...]
    letterboxes: tuple[Letterbox, ...]
    images: UInt8Array | None = field(repr=False)


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
