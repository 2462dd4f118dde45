"""Labels lie in the picture, at their boxes, beside each other, and do not jump."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.drawing.label_places import ANYWHERE, Place, Wanted, place_labels

PICTURE = 768, 432
LABEL = 100, 18  # width and height
Box = tuple[int, int, int, int]


@st.composite
def boxes(draw: st.DrawFn, room: int = 0) -> Box:
    """Draw a box that has room for its label on all sides."""
    width, height = draw(st.integers(20, 200)), draw(st.integers(20, 200))
    left = draw(st.integers(room, PICTURE[0] - room - width))
    top = draw(st.integers(room // 5, PICTURE[1] - room // 5 - height))
    return left, top, left + width, top + height


def place(
    found: list[Box], before: list[int] | None = None, clear: tuple[int, int] = (0, 0)
) -> list[Place]:
    slots = [ANYWHERE] * len(found) if before is None else before
    wanted = [Wanted(box, LABEL, slot) for box, slot in zip(found, slots, strict=True)]
    return place_labels(wanted, PICTURE, clear)


def overlap(a: tuple[int, int], b: tuple[int, int]) -> bool:
    return all(abs(x - y) < side for x, y, side in zip(a, b, LABEL, strict=True))


def corners(placed: list[Place]) -> list[tuple[int, int]]:
    return [each.corner for each in placed]


@given(found=st.lists(boxes(), max_size=12))
def test_labels_are_inside_the_picture_and_at_their_boxes(found: list[Box]) -> None:
    for (x, y), (left, top, right, bottom) in zip(corners(place(found)), found, strict=True):
        assert x % 2 == y % 2 == 0
        assert 0 <= x <= PICTURE[0] - LABEL[0] and 0 <= y <= PICTURE[1] - LABEL[1]
        assert left - LABEL[0] - 1 <= x <= right and top - LABEL[1] - 1 <= y <= bottom


@given(found=st.lists(boxes(room=100), min_size=2, max_size=2))
def test_two_labels_always_find_room_beside_each_other(found: list[Box]) -> None:
    first, second = corners(place(found))
    assert not overlap(first, second)


@given(box=boxes(room=100))
def test_four_labels_of_the_same_box_find_room_around_it(box: Box) -> None:
    placed = corners(place([box] * 4))
    assert not any(overlap(a, b) for i, a in enumerate(placed) for b in placed[:i])


def test_the_label_of_a_bicycle_is_not_under_that_of_its_rider() -> None:
    rider, bicycle = (300, 200, 360, 330), (304, 204, 356, 340)
    first, second = corners(place([rider, bicycle]))
    assert first == (300, 182) and not overlap(first, second)


@given(found=st.lists(boxes(), max_size=8))
def test_labels_leave_the_counter_clear(found: list[Box]) -> None:
    for x, y in corners(place(found, clear=(512, 16))):
        assert x >= 512 or y >= 16


@given(
    found=st.lists(boxes(room=2), max_size=6),
    steps=st.lists(st.tuples(st.integers(-2, 2), st.integers(-2, 2)), min_size=6, max_size=6),
)
def test_labels_keep_their_places_while_boxes_tremble(
    found: list[Box], steps: list[tuple[int, int]]
) -> None:
    moved = [
        (left + x, top + y, right + x, bottom + y)
        for (left, top, right, bottom), (x, y) in zip(found, steps, strict=False)
    ]
    slots = [ANYWHERE] * len(found)
    seen = []
    for _ in range(20):
        for frame in (found, moved):
            slots = [each.slot for each in place(frame, slots)]
            seen.append(slots)
    assert seen[-1] == seen[-2] == seen[-3] == seen[-4]


def test_a_label_returns_above_its_box_once_there_is_room() -> None:
    box = 300, 200, 360, 330
    crowded = place([box, box])
    (alone,) = place([box], [crowded[1].slot])
    assert crowded[1].slot != 0 and alone.slot == 0


def test_a_label_larger_than_the_picture_begins_at_its_corner() -> None:
    assert corners(place_labels([Wanted((2, 3, 9, 9), LABEL)], (10, 10))) == [(0, 0)]


def test_no_labels_need_no_places() -> None:
    assert place([]) == []
