"""Where labels go: next to their boxes, inside the picture, beside each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

ANYWHERE = -1  # in place of a slot: the label has none yet


@dataclass(frozen=True, slots=True)
class Wanted:
    """A label that wants a place.

    box_xyxy: what it belongs to, in whole pixels, within the picture
    size: width and height
    slot: which of its places it had in the last frame; ANYWHERE if it is new
    """

    box_xyxy: Sequence[int]
    size: tuple[int, int]
    slot: int = ANYWHERE


@dataclass(frozen=True, slots=True)
class Place:
    """corner: left and top, even; slot: which of its places the label took."""

    corner: tuple[int, int]
    slot: int


def place_labels(
    labels: Sequence[Wanted], picture: tuple[int, int], clear: tuple[int, int] = (0, 0)
) -> list[Place]:
    """Return a place for each label, the first of them first.

    Each takes the first of its eight places in which it covers no earlier label, or else the one
    in which it covers least. A label leaves its place only for one that is free by half a label's
    height in addition, so that it does not jump to and fro while boxes tremble.

    picture: width and height; clear: of the top left corner, which is kept free
    """
    taken = _Taken(max((label.size[1] for label in labels), default=1))
    return [_place(label, taken, picture, clear) for label in labels]


def _place(label: Wanted, taken: _Taken, picture: tuple[int, int], clear: tuple[int, int]) -> Place:
    """Find a place for a label, and take it."""
    width, height = label.size
    found, lowest = Place((0, 0), ANYWHERE), -1
    for slot, (x, y, beyond) in enumerate(_places(label, picture, clear)):
        gap = 0 if label.slot in (ANYWHERE, slot) else height // 2
        cost = max(0, beyond + gap) * width
        cost += taken.area_within(x - gap, y - gap, x + width + gap, y + height + gap)
        if lowest < 0 or cost < lowest:
            found, lowest = Place((x, y), slot), cost
        if not cost:
            break
    x, y = found.corner
    taken.add(x, y, x + width, y + height)
    return found


def _places(
    label: Wanted, picture: tuple[int, int], clear: tuple[int, int]
) -> Iterator[tuple[int, int, int]]:
    """Yield the places of a label in the order of preference: left, top, and a number of rows.

    By so many rows it would have been above or below what can be drawn on; below 0: the space that
    is left.
    """
    (left, top, right, bottom), (width, height) = label.box_xyxy, label.size
    for x, y in (
        (left, top - height),  # above the box
        (right - width, top - height),
        (left, bottom),  # below it
        (right - width, bottom),
        (left, top),  # inside
        (left, bottom - height),
        (right, top),  # beside it
        (left - width, top),
    ):
        inside_x = max(0, min(x, picture[0] - width)) // 2 * 2
        highest = clear[1] + clear[1] % 2 if inside_x < clear[0] else 0
        inside_y = max(highest, min(y, picture[1] - height) // 2 * 2)
        yield inside_x, inside_y, max(highest - y, y + height - picture[1])


class _Taken:
    """The rectangles of labels, by bands of rows, so that only those nearby are compared."""

    def __init__(self, tallest: int) -> None:
        self._tallest = tallest  # height of a band: a label reaches into the next one at most
        self._by_band: defaultdict[int, list[tuple[int, int, int, int]]] = defaultdict(list)

    def add(self, left: int, top: int, right: int, bottom: int) -> None:
        self._by_band[top // self._tallest].append((left, top, right, bottom))

    def area_within(self, left: int, top: int, right: int, bottom: int) -> int:
        """Return how many pixels of labels are inside a rectangle."""
        area = 0
        for band in range(top // self._tallest - 1, bottom // self._tallest + 1):
            for x0, y0, x1, y1 in self._by_band.get(band, ()):
                if x0 < right and left < x1 and y0 < bottom and top < y1:
                    area += (min(x1, right) - max(x0, left)) * (min(y1, bottom) - max(y0, top))
        return area
