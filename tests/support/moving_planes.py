"""Small luma planes drawn with numpy, and an attention that looks at them with perfect eyes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detector.detections import Detections, UInt8Array
from pipeline.attention.attention import Attention
from pipeline.attention.config import AttentionConfig
from pipeline.frames.decision import Reason
from trackers.tracks import Tracks, TrackState

HEIGHT, WIDTH = 72, 128
SIZE = (768, 432)  # of the frames that the planes stand for

Box = tuple[float, float, float, float]  # x0, y0, x1, y1 in cells
Plane = NDArray[np.float64]
Place = Callable[[float], Box | None]  # where an object is; None while it is away
Light = Callable[[Plane, float], Plane]  # from a plane and seconds to another plane


@dataclass
class Scene:
    """A textured place, its objects and its light.

    contrast: of the objects to the place, in levels; noise: standard deviation of a cell
    visible: to the tracker; doubtful: to the detector only, whose scores are too low for a track
    light: applied to the drawn plane; shift: of the whole picture, in cells, by seconds
    """

    objects: Sequence[Place] = ()
    brightness: float = 90.0
    contrast: float = 60.0
    noise: float = 0.5
    light: Light = lambda plane, seconds: plane
    shift: Callable[[float], tuple[float, float]] = lambda seconds: (0.0, 0.0)
    visible: bool = True
    doubtful: bool = False
    random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(7))

    def __post_init__(self) -> None:
        rough = np.random.default_rng(1).normal(0, 1, (HEIGHT * 2, WIDTH * 4))
        rolled = [np.roll(rough, (a, b), (0, 1)) for a in range(4) for b in range(4)]
        smooth = np.sum(rolled, axis=0)
        self._place = self.brightness * (1 + 0.06 * smooth)

    def plane(self, seconds: float) -> UInt8Array:
        """Return the (HEIGHT, WIDTH) luma at a time."""
        dx, dy = self.shift(seconds)
        drawn = _shifted(self._place, dx, dy)
        for box in filter(None, (each(seconds) for each in self.objects)):
            drawn = drawn + self.contrast * _coverage(box)
        drawn = self.light(drawn, seconds) + self.random.normal(0, self.noise, drawn.shape)
        return np.asarray(np.clip(drawn.round(), 0, 255), np.uint8)

    def tracks(self, seconds: float) -> Tracks:
        """Return the objects that are at least half inside, in source pixels."""
        present = self._present(seconds) if self.visible and not self.doubtful else np.zeros((0, 5))
        n = len(present)
        return Tracks(
            present[:, 1:].astype(np.float32),
            np.full(n, 0.9, np.float32),
            np.zeros(n, np.int64),
            present[:, 0].astype(np.int64),
            np.full(n, TrackState.CONFIRMED, np.int8),
        )

    def found(self, seconds: float) -> Detections:
        """Return what the detector finds of them."""
        present = self._present(seconds) if self.visible else np.zeros((0, 5))
        scores = np.full(len(present), 0.4 if self.doubtful else 0.9, np.float32)
        return Detections(
            present[:, 1:].astype(np.float32), scores, np.zeros(len(present), np.int64)
        )

    def _present(self, seconds: float) -> NDArray[np.float64]:
        """Return (n, 5) number and box of those that are at least half inside."""
        boxes = [(number, place(seconds)) for number, place in enumerate(self.objects, start=1)]
        rows = [(number, *box) for number, box in boxes if box and _inside(box) >= 0.5]
        table = np.array(rows, np.float64).reshape(-1, 5)
        table[:, 1:] *= SIZE[1] / HEIGHT
        return table


@dataclass
class Looks:
    """The times of the looks of a run, and why."""

    seconds: list[float] = field(default_factory=list)
    reasons: list[Reason] = field(default_factory=list)

    def between(self, start: float, end: float) -> int:
        """Return how many looks there were from `start` up to `end`."""
        return sum(start <= at < end for at in self.seconds)

    def delay(self, start: float, *, because: set[Reason] | None = None) -> float:
        """Return the seconds from `start` to the first look, or the first with such a reason."""
        both = zip(self.seconds, self.reasons, strict=True)
        return next(
            (at - start for at, why in both if at >= start and (not because or why in because)),
            float("inf"),
        )


def watch(scene: Scene, times: Iterable[float], config: AttentionConfig | None = None) -> Looks:
    """Return the looks of an attention at frames of these times; each finds what is there."""
    attention = Attention(config or AttentionConfig(mode="on"))
    looks = Looks()
    for seconds in times:
        decision = attention.judge(scene.plane(seconds), seconds, SIZE)
        if decision.looks:
            looks.seconds.append(seconds)
            looks.reasons.append(decision.reason)
        attention.settle(seconds, decision, scene.found(seconds), scene.tracks(seconds), SIZE)
    return looks


def every(interval: float, start: float, end: float) -> list[float]:
    """Return the times of frames from `start` up to `end`."""
    return [start + interval * k for k in range(round((end - start) / interval))]


def passing(start: float, speed: float, box: Box) -> Place:
    """Return an object that appears at `start` and moves to the right, in cells per second."""

    def place(seconds: float) -> Box | None:
        if seconds < start:
            return None
        moved = speed * (seconds - start)
        return box[0] + moved, box[1], box[2] + moved, box[3]

    return place


def _inside(box: Box) -> float:
    """Return the share of a box that is inside of the plane."""
    across = min(box[2], WIDTH) - max(box[0], 0)
    down = min(box[3], HEIGHT) - max(box[1], 0)
    return max(across, 0) * max(down, 0) / ((box[2] - box[0]) * (box[3] - box[1]))


def _coverage(box: Box) -> Plane:
    """Return (HEIGHT, WIDTH) how much of each cell a box covers, 0 to 1."""
    columns, rows = np.arange(WIDTH), np.arange(HEIGHT)
    across = np.clip(np.minimum(columns + 1, box[2]) - np.maximum(columns, box[0]), 0, 1)
    down = np.clip(np.minimum(rows + 1, box[3]) - np.maximum(rows, box[1]), 0, 1)
    return np.outer(down, across)


def _shifted(place: Plane, dx: float, dy: float) -> Plane:
    """Return a view of a place, moved by parts of a cell."""
    x, y = int(np.floor(dx)), int(np.floor(dy))
    right, down = dx - x, dy - y
    near = place[8 + y : 9 + y + HEIGHT, 8 + x : 9 + x + WIDTH]
    across = near[:, :-1] * (1 - right) + near[:, 1:] * right
    return np.asarray(across[:-1] * (1 - down) + across[1:] * down)
