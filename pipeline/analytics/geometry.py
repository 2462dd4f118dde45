"""Lines and zones in the image plane: signed distances, and paths that pass through a line."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from detector.detections import Float32Array
from pipeline.analysis import Point


@dataclass(frozen=True, slots=True)
class Line:
    """A line segment with a direction; the two points differ."""

    start: Point
    end: Point

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
        share = was / (was - now)
        x, y = (b + share * (a - b) for b, a in zip(before, after, strict=True))
        (ax, ay), (bx, by) = self.start, self.end
        along = (bx - ax) * (x - ax) + (by - ay) * (y - ay)
        within = 0 <= along <= math.dist(self.start, self.end) ** 2
        return (1 if now > 0 else -1) if within else 0


@dataclass(frozen=True, slots=True, eq=False)
class Zone:
    """A polygon of at least three corners.

    corners: (n, 2) float32
    """

    corners: Float32Array

    @classmethod
    def of(cls, corners: list[Point]) -> Zone:
        """Return the polygon with these corners, in order."""
        return cls(np.array(corners, np.float32))

    def depth(self, point: Point) -> float:
        """Return the distance of a point from the edge, in pixels; negative outside."""
        return float(cv2.pointPolygonTest(self.corners, point, measureDist=True))

    @property
    def area(self) -> float:
        """Square pixels."""
        return float(cv2.contourArea(self.corners))
