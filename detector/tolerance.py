"""How far an engine may differ from its reference, by the precision it computes in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far two detections may differ and still match, and how many must match.

    pixels: largest difference of a side of the box, in letterboxed pixels
    score: largest difference of the score
    share: share of the detections, 0..1, that must be within both
    """

    pixels: float
    score: float
    share: float


def usual_tolerances(input_size: tuple[int, int]) -> Mapping[str, Tolerance]:
    """Return precision -> tolerance, for models whose manifest sets none.

    Where errors grow with the boxes, the tolerance grows with the longer side of the input. The
    numbers are several times what correct engines differ by, and far below what wrong ones do
    (docs/engines.md).
    """
    longer = max(input_size)
    return {
        "fp32": Tolerance(pixels=0.5, score=0.001, share=0.99),
        "fp16": Tolerance(pixels=1.0, score=0.005, share=0.95),
        "bf16": Tolerance(pixels=longer / 200, score=0.05, share=0.9),
        "int8": Tolerance(pixels=longer / 100, score=0.1, share=0.85),
    }
