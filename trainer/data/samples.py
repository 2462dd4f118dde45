"""The samples of a data set: images with their labels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from detector.detections import Float32Array, Int64Array, UInt8Array
from trainer.data.counts import Counts

IGNORED = -1  # class id of a region to ignore


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One labelled image at its original size.

    image: (h, w, 3) uint8, RGB
    boxes_xyxy: (n, 4) float32, left, top, right, bottom in pixels of `image`, inside it
    class_ids: (n,) int64, positions in the list of classes that the data set was loaded with
    key: file, or file and frame, of the image; unique in the data set
    ignore_xyxy: (m, 4) float32, regions in which an unmatched detection is no error
    ignore_class_ids: (m,) int64, class that each region applies to; None: all classes
    areas: (n,) float32, area of each object in pixels; None: the area of its box
    """

    image: UInt8Array = field(repr=False)
    boxes_xyxy: Float32Array
    class_ids: Int64Array
    key: str
    ignore_xyxy: Float32Array
    ignore_class_ids: Int64Array | None = None
    areas: Float32Array | None = None

    def __post_init__(self) -> None:
        n, m = len(self.boxes_xyxy), len(self.ignore_xyxy)
        assert self.image.ndim == 3 and self.image.shape[2] == 3, self.image.shape
        assert self.image.dtype == np.uint8, self.image.dtype
        assert self.boxes_xyxy.shape == (n, 4) and self.boxes_xyxy.dtype == np.float32, self
        assert self.class_ids.shape == (n,) and self.class_ids.dtype == np.int64, self
        assert self.ignore_xyxy.shape == (m, 4) and self.ignore_xyxy.dtype == np.float32, self


class Dataset(Protocol):
    """Labelled images by position. Reading in order may be much faster than in random order."""

    def __len__(self) -> int:
        """Return the number of images."""

    def __getitem__(self, index: int) -> Sample:
        """Read the image at `index`; raises UsageError if it cannot be read."""


class Part(Dataset, Protocol):
    """A data set that says what it holds, and whether it can be read in any order."""

    random_access: bool  # read in any order, by several threads
    counts: Counts
