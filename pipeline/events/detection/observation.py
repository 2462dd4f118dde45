"""What a frame shows of one track, and what its picture is worth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.events.record import Moment
from pipeline.frames.result import Tracked

EDGE = 0.01  # of the frame's width and height: a box that is so near the edge is cut off there
CUT_OFF = 0.5  # what a box that is cut off is worth, in relation to a whole one

Box = tuple[float, float, float, float]  # x0, y0, x1, y1 in source pixels


@dataclass(frozen=True, slots=True)
class Observation:
    """A confirmed track in a frame in which it was detected.

    worth: of the frame as a picture of this track; of two frames the higher one is better
    """

    track: int
    class_name: str
    score: float
    box: Box
    worth: float
    moment: Moment


def observations(item: Tracked, classes: Sequence[str], moment: Moment) -> Iterator[Observation]:
    """Yield the confirmed tracks of a frame; tracks without an identity are left out.

    A frame that rests shows none.

    classes: names by class id; moment: the frame's
    """
    if item.frame.rests:
        return  # its tracks are predicted
    seen = item.tracks.confirmed
    seen = seen[seen.ids > 0]
    size = item.frame.picture.width, item.frame.picture.height
    rows = zip(
        seen.ids.tolist(),
        seen.class_ids.tolist(),
        seen.scores.tolist(),
        seen.boxes_xyxy.tolist(),
        strict=True,
    )
    for track, class_id, score, (x0, y0, x1, y1) in rows:
        box = x0, y0, x1, y1
        yield Observation(
            track, classes[class_id], score, box, frame_worth(score, box, *size), moment
        )


def frame_worth(score: float, box: Box, width: int, height: int) -> float:
    """Return score x area of a box, as a share of the frame; half of it at the frame's edge."""
    x0, y0, x1, y1 = max(box[0], 0.0), max(box[1], 0.0), min(box[2], width), min(box[3], height)
    area = max(x1 - x0, 0.0) * max(y1 - y0, 0.0) / (width * height)
    inside_x = EDGE * width < x0 and x1 < (1 - EDGE) * width
    inside_y = EDGE * height < y0 and y1 < (1 - EDGE) * height
    return score * area * (1.0 if inside_x and inside_y else CUT_OFF)
