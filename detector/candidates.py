"""The output of an exported model for a batch: Candidates, before non-maximum suppression."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detector.detections import Float32Array


@dataclass(frozen=True, slots=True)
class Candidates:
    """The best K boxes per image with their class scores, best first.

    boxes_xyxy: (n, k, 4) float32, in letterboxed pixels
    scores: (n, k, c) float32, objectness x class score, rows sorted by their best class
    """

    boxes_xyxy: Float32Array
    scores: Float32Array

    def __post_init__(self) -> None:
        n, k, _ = self.scores.shape
        assert self.boxes_xyxy.shape == (n, k, 4), self
        assert self.boxes_xyxy.dtype == np.float32 and self.scores.dtype == np.float32, self

    def __len__(self) -> int:
        return len(self.scores)

    def __repr__(self) -> str:
        return f"Candidates(boxes={self.boxes_xyxy.shape}, scores={self.scores.shape})"
