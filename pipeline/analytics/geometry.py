"""Lines and zones in the image plane: signed distances, and paths that pass through a line."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from detector.detections import Float32Array
from pipeline.analysis import Point


@dataclass(frozen=True, slots=True)
class Line:
    """A line segment with a direction; the two points differ.

    open_start, open_end: whether the line goes on beyond that end
    """

    start: Point
    end: Point
    open_start: bool = False
    open_end: bool = False

    @classmethod
    def across(cls, start: Point, end: Point, size: tuple[int, int], margin: float) -> Line:
        """Return the line in a frame of this size; an end that reaches the frame's edge is open.

        Feet of people near the camera lie at that edge or below it. None of them goes around the
        end of the line.

        margin: pixels that may be missing up to the edge
        """
        reach = max(margin, 1.0) / math.dist(start, end)
        beyond = _from(start, end, 1 + reach)
        before = _from(end, start, 1 + reach)
        return cls(start, end, not _within(before, size), not _within(beyond, size))

    def distance(self, point: Point) -> float:
        """Return the signed distance of a point from the infinite line, in pixels.

        Positive to the right, seen from `start` towards `end`; negative to the left.
        """
        (ax, ay), (bx, by) = self.start, self.end
        across = (bx - ax) * (point[1] - ay) - (by - ay) * (point[0] - ax)
        return across / math.dist(self.start, self.end)

    def passed(self, before: Point, after: Point) -> int:
        """Return 1 if the path from `before` to `after` passes the segment to the right, -1 left.

        0 if both points are on the same side, or the path goes around an end. A point on the line
        counts as left of it.
        """
        was, now = self.distance(before), self.distance(after)
        if (was > 0) == (now > 0):
            return 0
        x, y = _from(before, after, was / (was - now))
        (ax, ay), (bx, by) = self.start, self.end
        along = (bx - ax) * (x - ax) + (by - ay) * (y - ay)
        short = along < 0 and not self.open_start
        far = along > math.dist(self.start, self.end) ** 2 and not self.open_end
        if short or far:
            return 0
        return 1 if now > 0 else -1


@dataclass(frozen=True, slots=True, eq=False)
class Zone:
    """A polygon of at least three corners.

    corners: (n, 2) float32
    outline: (m, 2) float32, where the inside ends: beyond the corners at the frame's edge
    """

    corners: Float32Array
    outline: Float32Array

    @classmethod
    def of(cls, corners: list[Point]) -> Zone:
        """Return the polygon with these corners, in order."""
        drawn = np.array(corners, np.float32)
        return cls(drawn, drawn)

    @classmethod
    def inside(cls, corners: list[Point], size: tuple[int, int], margin: float) -> Zone:
        """Return the polygon in a frame of this size; along the frame's edge it goes on beyond.

        margin: pixels that may be missing up to the edge
        """
        sides = [_side(a, b, size, margin) for a, b in pairwise([*corners, corners[0]])]
        around = zip(corners, [sides[-1], *sides[:-1]], sides, strict=True)
        outline = [point for corner, *two in around for point in _outwards(corner, *two)]
        return cls(np.array(corners, np.float32), np.array(outline, np.float32))

    def depth(self, point: Point) -> float:
        """Return the distance of a point from the outline, in pixels; negative outside."""
        return float(cv2.pointPolygonTest(self.outline, point, measureDist=True))

    @property
    def area(self) -> float:
        """Square pixels."""
        return float(cv2.contourArea(self.corners))


def _from(start: Point, end: Point, share: float) -> Point:
    """Return the point at this share of the way from `start` to `end`."""
    (ax, ay), (bx, by) = start, end
    return ax + share * (bx - ax), ay + share * (by - ay)


def _side(start: Point, end: Point, size: tuple[int, int], margin: float) -> Point | None:
    """Return the step to beyond the frame if this edge lies along the frame's edge, else None."""
    for axis, limit in enumerate(size):
        for edge, step in ((0, -limit), (limit, limit)):
            if max(abs(start[axis] - edge), abs(end[axis] - edge)) <= margin:
                return (step, 0.0) if axis == 0 else (0.0, step)
    return None


def _outwards(corner: Point, before: Point | None, after: Point | None) -> list[Point]:
    """Return the outline at a corner: its edges before and after it go on by these steps."""
    steps = {step for step in (before, after) if step}
    beyond = corner[0] + sum(x for x, _ in steps), corner[1] + sum(y for _, y in steps)
    if before and after:
        return [beyond]
    if before or after:
        return [beyond, corner] if before else [corner, beyond]
    return [corner]


def _within(point: Point, size: tuple[int, int]) -> bool:
    return all(0 <= value <= limit for value, limit in zip(point, size, strict=True))
