"""What a data set holds, in numbers that show at once when labels are missing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers of a data set. Adding two adds their numbers.

    unlabelled: images without objects
    polygons: outlines among the labels, of which the bounding box is used
    """

    images: int = 0
    objects: int = 0
    unlabelled: int = 0
    polygons: int = 0

    @classmethod
    def of(cls, objects: Iterable[int], polygons: int = 0) -> Counts:
        """Return the counts of images with these numbers of objects."""
        each = list(objects)
        return cls(len(each), sum(each), each.count(0), polygons)

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.images + other.images,
            self.objects + other.objects,
            self.unlabelled + other.unlabelled,
            self.polygons + other.polygons,
        )

    def __str__(self) -> str:
        outlines = f", {self.polygons} of them outlines, taken as boxes" if self.polygons else ""
        images = "image" if self.images == 1 else "images"
        objects = "object" if self.objects == 1 else "objects"
        return (
            f"{self.images} {images}, {self.objects} {objects}{outlines}, "
            f"{self.unlabelled} without labels"
        )
