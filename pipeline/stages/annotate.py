"""Draw tracks, lines and zones on frames, legibly at any size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from detector.drawing import Colour
from pipeline.analysis import Figure
from pipeline.drawing.canvas import Canvas
from pipeline.drawing.label import WHITE
from pipeline.drawing.label_places import ANYWHERE, Wanted, place_labels
from pipeline.drawing.pen import Pen
from pipeline.frames.result import Tracked
from pipeline.runtime.stage import Stage
from trackers.tracks import Tracks

# Neighbours in this list differ most; each is visible on asphalt and on a white wall.
_PALETTE = (
    *("#e63946", "#1d7af3", "#ff9f1c", "#2eb85c", "#9b51e0", "#00b8d4", "#f443a0", "#b5c400"),
    *("#a9713f", "#4051b5", "#ff6b4a", "#00917c", "#ffd000", "#b3246b", "#7fb2ff", "#c58bff"),
)


class Annotate(Stage[Tracked, Tracked]):
    """Draws the confirmed tracks of a stream, and its lines and zones with their counts.

    It draws on the luma and chroma that the encoder takes.

    names: of the classes, by class id
    clear: width and height of the top left corner that is not drawn on (a burnt-in counter)
    """

    def __init__(self, names: Sequence[str], clear: tuple[int, int] = (0, 0)) -> None:
        self._names = names
        self._clear = clear
        self._slots: dict[tuple[str, int], int] = {}  # of the labels in the last frame

    def process(self, item: Tracked) -> Iterable[Tracked]:
        """Return the frame with `drawn`: the source's own planes if there is nothing to draw."""
        source, tracks = item.frame.picture.planes, item.tracks.confirmed
        figures = item.analysis.figures if item.analysis else ()
        if not len(tracks) and not figures:
            return (replace(item, drawn=source),)
        drawn = source.copy()
        marks = [*_figure_marks(figures), *self._track_marks(tracks, drawn.size)]
        canvas = Canvas(drawn, Pen.fit(*drawn.size))
        for figure in figures:
            canvas.draw_line(figure.corners, figure.closed)
        for mark in marks[len(figures) :]:
            canvas.draw_box(mark.box_xyxy, mark.colour)
        self._draw_labels(canvas, marks)  # after all boxes, so that no line crosses a label
        canvas.restore(source, self._clear)
        return (replace(item, drawn=drawn.read_only()),)

    def _draw_labels(self, canvas: Canvas, marks: Sequence[_Mark]) -> None:
        labels = [canvas.label(mark.text, mark.colour) for mark in marks]
        wanted = [
            Wanted(mark.box_xyxy, label.size[::-1], self._slots.get(mark.key, ANYWHERE))
            for mark, label in zip(marks, labels, strict=True)
        ]
        places = place_labels(wanted, canvas.size, self._clear)
        self._slots = {mark.key: place.slot for mark, place in zip(marks, places, strict=True)}
        for label, place in zip(labels, places, strict=True):
            canvas.draw_label(label, place.corner)

    def _track_marks(self, tracks: Tracks, size: tuple[int, int]) -> Iterator[_Mark]:
        """Yield a mark for each track, in the order of their identities, which is steady."""
        tracks = tracks[np.argsort(tracks.ids, kind="stable")]
        boxes = tracks.boxes_xyxy.reshape(-1, 2, 2).round().clip(0, size[::-1])
        rows = zip(
            boxes.reshape(-1, 4).astype(int).tolist(),
            tracks.scores.tolist(),
            tracks.class_ids.tolist(),
            tracks.ids.tolist(),
            strict=True,
        )
        for row, (box, score, class_id, identity) in enumerate(rows):
            tracked = identity >= 0
            words = (self._names[class_id], *([f"{identity}"] if tracked else []), f"{score:.2f}")
            colour = _colour(identity if tracked else class_id)
            key = ("track", identity) if tracked else ("row", row)
            yield _Mark(key, box, " ".join(words), colour)


@dataclass(frozen=True, slots=True)
class _Mark:
    """Something with a label; a line and a zone have it at a point.

    key: the same in the next frame
    box_xyxy: in whole pixels, within the picture
    colour: BGR
    """

    key: tuple[str, int]
    box_xyxy: Sequence[int]
    text: str
    colour: Colour


def _figure_marks(figures: Sequence[Figure]) -> Iterator[_Mark]:
    for row, figure in enumerate(figures):
        corners = np.array(figure.corners)
        anchor = corners[0] if figure.closed else corners.mean(axis=0)
        left, top = anchor.round().astype(int).tolist()
        yield _Mark(("figure", row), (left, top, left, top), figure.text, WHITE)


def _colour(number: int) -> Colour:
    """Return the colour of an identity or a class number; it never changes."""
    red, green, blue = bytes.fromhex(_PALETTE[number % len(_PALETTE)][1:])
    return blue, green, red
