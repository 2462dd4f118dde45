"""How far an engine may be from its reference, by the precision that it computes in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What still counts as the same detection, and how many must be.

    pixels: that each side of a box may be off, in letterboxed pixels
    score: that the score may be off
    share: of the detections, 0..1, that must be within both
    """

    pixels: float
    score: float
    share: float


def usual_tolerances(input_size: tuple[int, int]) -> Mapping[str, Tolerance]:
    """Return by precision what engines are held to, unless the manifest says something else.

    The longer side of the input gives the scale where errors grow with the boxes. The figures are
    several times what right engines were measured at, and far below what wrong ones are at
    (docs/engines.md).
    """
    longer = max(input_size)
    return {
        "fp32": Tolerance(pixels=0.5, score=0.001, share=0.99),
        "fp16": Tolerance(pixels=1.0, score=0.005, share=0.95),
        "bf16": Tolerance(pixels=longer / 200, score=0.05, share=0.9),
        "int8": Tolerance(pixels=longer / 100, score=0.1, share=0.85),
    }
