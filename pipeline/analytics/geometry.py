"""Lines and zones in a picture: where a point lies, how far from the edge, and what a way cuts."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from detector.detections import Float32Array

Point = tuple[float, float]  # x, y in source pixels, y downwards


@dataclass(frozen=True, slots=True)
class Line:
    """A line from one point to another, which are not the same."""

    start: Point
    end: Point

    def distance(self, point: Point) -> float:
        """Return how far to the right a point is for who walks from start to end; left is below 0.

        Pixels, from the line and its prolongations on both ends.
        """
        (ax, ay), (bx, by) = self.start, self.end
        across = (bx - ax) * (point[1] - ay) - (by - ay) * (point[0] - ax)
        return across / math.dist(self.start, self.end)

    def passed(self, before: Point, after: Point) -> int:
        """Return 1 if the way from `before` to `after` goes through to the right, -1 to the left.

        0 where it stays on one side, or goes around an end. To be on the line is to be left of it.
        """
        was, now = self.distance(before), self.distance(after)
        if (was > 0) == (now > 0):
            return 0
        share = was / (was - now)
        x, y = (b + share * (a - b) for b, a in zip(before, after, strict=True))
        (ax, ay), (bx, by) = self.start, self.end
        along = (bx - ax) * (x - ax) + (by - ay) * (y - ay)
        within = 0 <= along <= math.dist(self.start, self.end) ** 2
        return (1 if now > 0 else -1) if within else 0


@dataclass(frozen=True, slots=True, eq=False)
class Zone:
    """A polygon of three corners or more.

    corners: (n, 2) float32
    """

    corners: Float32Array

    @classmethod
    def of(cls, corners: list[Point]) -> Zone:
        """Return the polygon with these corners, in order."""
        return cls(np.array(corners, np.float32))

    def depth(self, point: Point) -> float:
        """Return how far inside a point is, in pixels from the edge; outside is below 0."""
        return float(cv2.pointPolygonTest(self.corners, point, measureDist=True))

    @property
    def area(self) -> float:
        """In square pixels."""
        return float(cv2.contourArea(self.corners))
