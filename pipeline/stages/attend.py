"""To look at a frame or to let it rest: on the thread of the stream's decoder."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pipeline.attention.attention import Attention
from pipeline.attention.motion import PLANE_HEIGHT
from pipeline.frames.frame import Frame
from pipeline.runtime.stage import Stage


class Attend(Stage[Frame, Frame]):
    """Decides on each frame of one stream.

    shadow: the engine looks at every frame all the same
    """

    def __init__(self, attention: Attention, *, shadow: bool = False) -> None:
        self._attention = attention
        self._shadow = shadow

    def process(self, item: Frame) -> Iterable[Frame]:
        """Return the frame with the decision."""
        picture = item.picture
        decision = self._attention.judge(
            picture.luma(PLANE_HEIGHT),
            float(item.time),
            (picture.width, picture.height),
            item.scene,
        )
        if self._shadow:
            return (replace(item, shadow=decision),)
        return (replace(item, decision=decision),)
