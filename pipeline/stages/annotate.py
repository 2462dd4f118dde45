"""Tracks to pictures: boxes and labels that can be read at any size."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from detector.detections import UInt8Array
from pipeline.analysis import Figure
from pipeline.frame import Tracked
from pipeline.runtime.stage import Stage
from trackers.tracks import Tracks

Colour = tuple[int, int, int]  # blue, green, red

_FONT = cv2.FONT_HERSHEY_DUPLEX  # strokes heavy enough to survive a video codec
_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)

# Told apart at a glance, neighbours most of all, and seen on asphalt as well as on a white wall.
_PALETTE = (
    *("#e63946", "#1d7af3", "#ff9f1c", "#2eb85c", "#9b51e0", "#00b8d4", "#f443a0", "#b5c400"),
    *("#a9713f", "#4051b5", "#ff6b4a", "#00917c", "#ffd000", "#b3246b", "#7fb2ff", "#c58bff"),
)


class Annotate(Stage[Tracked, Tracked]):
    """Draws the confirmed tracks of a stream, and its lines and zones with what they have counted.

    names: of the classes, by class id
    clear: width and height of the top left corner that stays as it is (a burnt-in counter)
    """

    def __init__(self, names: Sequence[str], clear: tuple[int, int] = (0, 0)) -> None:
        self._names = names
        self._clear = clear

    def process(self, item: Tracked) -> Iterable[Tracked]:
        """Return the frame, drawn; with the source's own picture where there is nothing to draw."""
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

    def _draw(self, picture: UInt8Array, tracks: Tracks, figures: Sequence[Figure]) -> None:
        height, width = picture.shape[:2]
        pen = _Pen.fit(height, width)
        for figure in figures:
            _draw_figure(picture, figure, pen, self._clear)
        marks = list(self._marks(tracks, (width, height)))
        for mark in marks:
            _draw_box(picture, mark, pen)
        for mark in marks:  # after all boxes: a line through a label would make it unreadable
            _draw_label(picture, mark, pen, self._clear)

    def _marks(self, tracks: Tracks, size: tuple[int, int]) -> Iterator[_Mark]:
        corners = tracks.boxes_xyxy.reshape(-1, 2, 2).round().clip(0, size).astype(int).tolist()
        rows = zip(corners, tracks.scores, tracks.class_ids, tracks.ids, strict=True)
        for (top_left, bottom_right), score, class_id, identity in rows:
            known = identity >= 0
            words = (self._names[class_id], *([f"{identity}"] if known else []), f"{score:.2f}")
            colour = _colour(int(identity if known else class_id))
            yield _Mark(top_left, bottom_right, " ".join(words), colour)


@dataclass(frozen=True, slots=True)
class _Mark:
    """What is drawn for one track; corners are x, y in whole pixels of the picture."""

    top_left: Sequence[int]
    bottom_right: Sequence[int]
    text: str
    colour: Colour


@dataclass(frozen=True, slots=True)
class _Pen:
    """How thick and how large, so that every picture looks alike when it fills the screen.

    line, stroke: of boxes and of letters; scale: of the font, as OpenCV counts
    ascent, descent: of letters above and below their base line; margin: around a text (all pixels)
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
        scale = max(0.4, side / 1200)  # smaller letters are not legible at all
        stroke = max(1, round(scale / 1.5))
        (_, ascent), descent = cv2.getTextSize("Ag", _FONT, scale, stroke)
        return cls(max(2, round(side / 360)), stroke, scale, ascent, descent, round(6 * scale))


def _draw_box(picture: UInt8Array, mark: _Mark, pen: _Pen) -> None:
    """Draw the frame on the innermost pixels of the box, so that none of it leaves the picture."""
    half = pen.line // 2
    corner = mark.top_left[0] + half, mark.top_left[1] + half
    opposite = mark.bottom_right[0] - 1 - half, mark.bottom_right[1] - 1 - half
    cv2.rectangle(picture, corner, opposite, mark.colour, pen.line)


def _draw_figure(picture: UInt8Array, figure: Figure, pen: _Pen, clear: tuple[int, int]) -> None:
    """Draw a line or zone in white on black, which is seen on anything, and its text."""
    corners = np.array(figure.corners).round().astype(np.int32)
    for colour, line in ((_BLACK, 2 * pen.line), (_WHITE, pen.line)):
        cv2.polylines(picture, [corners], figure.closed, colour, line, cv2.LINE_AA)
    middle = corners.mean(axis=0).round().astype(int)
    place = (corners[0] if figure.closed else middle).tolist()
    _draw_label(picture, _Mark(place, place, figure.text, _WHITE), pen, clear)


def _draw_label(picture: UInt8Array, mark: _Mark, pen: _Pen, clear: tuple[int, int]) -> None:
    """Draw the text on a plate of the track's colour."""
    (text_width, _), _ = cv2.getTextSize(mark.text, _FONT, pen.scale, pen.stroke)
    size = text_width + 2 * pen.margin, pen.ascent + pen.descent + pen.margin
    x, y = _plate(mark.top_left, size, picture.shape, clear)
    cv2.rectangle(picture, (x, y, *size), mark.colour, cv2.FILLED)
    start = x + pen.margin, y + pen.ascent + pen.margin // 2
    ink = _ink(mark.colour)
    cv2.putText(picture, mark.text, start, _FONT, pen.scale, ink, pen.stroke, cv2.LINE_AA)


def _plate(
    box: Sequence[int], size: tuple[int, int], shape: tuple[int, ...], clear: tuple[int, int]
) -> tuple[int, int]:
    """Return the corner of a label: above its box, or in its upper edge where there is no room."""
    x = max(0, min(box[0], shape[1] - size[0]))
    top = clear[1] if x < clear[0] else 0
    above = box[1] - size[1]
    y = above if above >= top else max(top, box[1])
    return x, max(0, min(y, shape[0] - size[1]))


def _colour(number: int) -> Colour:
    """Return the colour that `number` always has: an identity's, or a class's."""
    red, green, blue = bytes.fromhex(_PALETTE[number % len(_PALETTE)][1:])
    return blue, green, red


def _ink(paper: Colour) -> Colour:
    """Return black or white, whichever stands out from `paper` (ITU-R BT.601 luma)."""
    blue, green, red = paper
    return _BLACK if 0.299 * red + 0.587 * green + 0.114 * blue > 125 else _WHITE
