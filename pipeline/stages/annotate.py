"""Draw tracks, lines and zones on frames, legibly at any size."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from detector.detections import UInt8Array
from detector.drawing import Colour, draw_box
from pipeline.analysis import Figure
from pipeline.frame import Tracked
from pipeline.runtime.stage import Stage
from trackers.tracks import Tracks

_FONT = cv2.FONT_HERSHEY_DUPLEX  # strokes heavy enough to survive a video codec
_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)

# Neighbours in this list differ most; each is visible on asphalt and on a white wall.
_PALETTE = (
    *("#e63946", "#1d7af3", "#ff9f1c", "#2eb85c", "#9b51e0", "#00b8d4", "#f443a0", "#b5c400"),
    *("#a9713f", "#4051b5", "#ff6b4a", "#00917c", "#ffd000", "#b3246b", "#7fb2ff", "#c58bff"),
)


class Annotate(Stage[Tracked, Tracked]):
    """Draws the confirmed tracks of a stream, and its lines and zones with their counts.

    names: of the classes, by class id
    clear: width and height of the top left corner that is not drawn on (a burnt-in counter)
    """

    def __init__(self, names: Sequence[str], clear: tuple[int, int] = (0, 0)) -> None:
        self._names = names
        self._clear = clear

    def process(self, item: Tracked) -> Iterable[Tracked]:
        """Return the frame with `drawn`: the source's own array if there is nothing to draw."""
        source, tracks = item.frame.picture.bgr, item.tracks.confirmed
        figures = item.analysis.figures if item.analysis else ()
        if not len(tracks) and not figures:
            return (replace(item, drawn=source),)
        drawn = source.copy()
        self._draw(drawn, tracks, figures)
        width, height = self._clear
        drawn[:height, :width] = source[:height, :width]
        drawn.flags.writeable = False
        return (replace(item, drawn=drawn),)

    def _draw(self, image: UInt8Array, tracks: Tracks, figures: Sequence[Figure]) -> None:
        height, width = image.shape[:2]
        pen = _Pen.fit(height, width)
        for figure in figures:
            _draw_figure(image, figure, pen, self._clear)
        marks = list(self._marks(tracks, (width, height)))
        for mark in marks:
            draw_box(image, (*mark.top_left, *mark.bottom_right), mark.colour, pen.line)
        for mark in marks:  # after all boxes, so that no line crosses a label
            _draw_label(image, mark, pen, self._clear)

    def _marks(self, tracks: Tracks, size: tuple[int, int]) -> Iterator[_Mark]:
        corners = tracks.boxes_xyxy.reshape(-1, 2, 2).round().clip(0, size).astype(int).tolist()
        rows = zip(corners, tracks.scores, tracks.class_ids, tracks.ids, strict=True)
        for (top_left, bottom_right), score, class_id, identity in rows:
            tracked = identity >= 0
            words = (self._names[class_id], *([f"{identity}"] if tracked else []), f"{score:.2f}")
            colour = _colour(int(identity if tracked else class_id))
            yield _Mark(top_left, bottom_right, " ".join(words), colour)


@dataclass(frozen=True, slots=True)
class _Mark:
    """A box to draw and its label; corners are x, y in whole pixels."""

    top_left: Sequence[int]
    bottom_right: Sequence[int]
    text: str
    colour: Colour


@dataclass(frozen=True, slots=True)
class _Pen:
    """Line widths and font sizes in proportion to the frame, in pixels.

    line, stroke: width of box lines and of letter strokes
    scale: font scale, in OpenCV's units
    ascent, descent: height of letters above and below the base line
    margin: around a text
    """

    line: int
    stroke: int
    scale: float
    ascent: int
    descent: int
    margin: int

    @classmethod
    def fit(cls, height: int, width: int) -> _Pen:
        side = math.sqrt(height * width)
        scale = max(0.4, side / 1200)  # smaller letters are not legible
        stroke = max(1, round(scale / 1.5))
        (_, ascent), descent = cv2.getTextSize("Ag", _FONT, scale, stroke)
        return cls(max(2, round(side / 360)), stroke, scale, ascent, descent, round(6 * scale))


def _draw_figure(image: UInt8Array, figure: Figure, pen: _Pen, clear: tuple[int, int]) -> None:
    """Draw a line or zone, white with a black outline for any background, and its text."""
    corners = np.array(figure.corners).round().astype(np.int32)
    for colour, line in ((_BLACK, 2 * pen.line), (_WHITE, pen.line)):
        cv2.polylines(image, [corners], figure.closed, colour, line, cv2.LINE_AA)
    middle = corners.mean(axis=0).round().astype(int)
    anchor = (corners[0] if figure.closed else middle).tolist()
    _draw_label(image, _Mark(anchor, anchor, figure.text, _WHITE), pen, clear)


def _draw_label(image: UInt8Array, mark: _Mark, pen: _Pen, clear: tuple[int, int]) -> None:
    """Draw the text on a rectangle of the track's colour."""
    (text_width, _), _ = cv2.getTextSize(mark.text, _FONT, pen.scale, pen.stroke)
    size = text_width + 2 * pen.margin, pen.ascent + pen.descent + pen.margin
    x, y = _label_corner(mark.top_left, size, image.shape, clear)
    cv2.rectangle(image, (x, y, *size), mark.colour, cv2.FILLED)
    start = x + pen.margin, y + pen.ascent + pen.margin // 2
    colour = _text_colour(mark.colour)
    cv2.putText(image, mark.text, start, _FONT, pen.scale, colour, pen.stroke, cv2.LINE_AA)


def _label_corner(
    box: Sequence[int], size: tuple[int, int], shape: tuple[int, ...], clear: tuple[int, int]
) -> tuple[int, int]:
    """Return a label's top left corner: above its box, or inside it if there is no room above."""
    x = max(0, min(box[0], shape[1] - size[0]))
    top = clear[1] if x < clear[0] else 0
    above = box[1] - size[1]
    y = above if above >= top else max(top, box[1])
    return x, max(0, min(y, shape[0] - size[1]))


def _colour(number: int) -> Colour:
    """Return the colour of an identity or a class number; it never changes."""
    red, green, blue = bytes.fromhex(_PALETTE[number % len(_PALETTE)][1:])
    return blue, green, red


def _text_colour(background: Colour) -> Colour:
    """Return black or white, whichever has more contrast with the background (BT.601 luma)."""
    blue, green, red = background
    return _BLACK if 0.299 * red + 0.587 * green + 0.114 * blue > 125 else _WHITE
