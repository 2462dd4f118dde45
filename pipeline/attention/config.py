"""Attention as a configuration describes it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import cv2
import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from pipeline.attention.motion import BoolArray

Point = tuple[float, float]
MAX_REST_SECONDS = 1.0


def word(value: Any) -> Any:
    """Return `on` and `off` as words: YAML reads them as true and false."""
    return ("on" if value else "off") if isinstance(value, bool) else value


class MaskConfig(BaseModel):
    """A part of the frame in which movement does not count, such as a tree or a shown clock."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    polygon: tuple[Point, ...] = Field(
        min_length=3,
        description="its corners, in order: [[x, y], ...], 0..1 of the frame's width and height",
    )


class AttentionConfig(BaseModel):
    """Which frames the engine looks at."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    mode: Annotated[Literal["auto", "off", "on", "shadow"], BeforeValidator(word)] = Field(
        default="auto",
        description="off: it looks at every frame; on: where something happens; auto: on for "
        "cameras, if there is a tracker, off for recordings and pictures; shadow: at every frame, "
        "and the report says what `on` would have missed",
    )
    max_rest_seconds: float = Field(
        default=MAX_REST_SECONDS,
        gt=0,
        le=60,
        description="seconds after which a frame is looked at in any case",
    )
    masks: tuple[MaskConfig, ...] = Field(
        default=(), description="parts of the frame in which movement does not count"
    )

    def ignored(self, height: int, width: int) -> BoolArray | None:
        """Return (height, width) which cells of a small plane the masks cover; None for none."""
        if not self.masks:
            return None
        covered = np.zeros((height, width), np.uint8)
        for mask in self.masks:
            corners = np.array(mask.polygon) * (width, height)
            cv2.fillPoly(covered, [corners.round().astype(np.int32)], 1)
        return covered.astype(bool)


def spelled_out(value: Any) -> Any:
    """Accept the short form of the section: `on` for `{mode: on}`."""
    return {"mode": value} if isinstance(value, str | bool) else value
