"""The ground truth of the street agrees with its pixels."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.sources.street.camera import Camera
from pipeline.sources.street.light import Light
from pipeline.sources.street.scene import Scene
from pipeline.sources.street.traffic import Path as Way
from pipeline.sources.street.traffic import Route
from pipeline.sources.street.world import Street, Truth
from pipeline.sources.synthetic import Synthetic

PLACES = range(4)  # the first four seeds are four different places
KINDS = ("car", "walker", "rider", "pusher")
CAMERA = Camera(height=6.0, pitch=math.radians(40), focal=700.0, width=768, height_px=432)
NO_SHADOWS = Light(slant_x=0.4, slant_y=0.2, shade=0, contact=0)


@cache
def _place(seed: int) -> Synthetic:
    """Return the street of a seed, small: most of the time goes into drawing its ground."""
    return Synthetic(f"synthetic:{seed}", width=512, height=288)


def _street(routes: list[Route], grey: int) -> Street:
    """Return a plain ground with the routes and nothing else on it."""
    ground = np.full((432, 768, 3), grey, np.uint8)
    return Street(Scene(CAMERA, NO_SHADOWS, ground, (), (), tuple(routes)), seed=5)


def _coverage(routes: list[Route], seconds: float) -> NDArray[np.float64]:
    """Return the covered share of each pixel, 0..1, from a black and a white ground."""
    black, white = (_street(routes, grey).draw(seconds).astype(int) for grey in (0, 255))
    return np.asarray(1 - (white - black).mean(axis=2) / 255)


def _bounds(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    rows, columns = np.nonzero(mask)
    left, top = int(columns.min()), int(rows.min())
    return left, top, int(columns.max()) + 1 - left, int(rows.max()) + 1 - top


def _crossing(kind: str, near: float = 0.0) -> Route:
    """Return a route through the middle of the frame, `near` metres towards the camera."""
    x, y = CAMERA.spot(384, 216)
    way = Way([(x - 12, y - near - 2), (x + 12, y - near + 2)])
    return Route(way, kind, speed=4.0, period=1000.0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seconds", [1.85, 2.4, 3.0, 3.6, 4.2])  # entering, inside, leaving
def test_a_lone_object_has_the_box_of_the_pixels_it_covers(kind: str, seconds: float) -> None:
    seen = _street([_crossing(kind)], 0).truth(seconds)
    covered = _coverage([_crossing(kind)], seconds) > 0.5
    assert [truth.class_id for truth in seen] in ([[2]] if kind == "car" else [[0], [0, 1], [1]])
    left = min(truth.box_xywh[0] for truth in seen)
    top = min(truth.box_xywh[1] for truth in seen)
    right = max(truth.box_xywh[0] + truth.box_xywh[2] for truth in seen)
    bottom = max(truth.box_xywh[1] + truth.box_xywh[3] for truth in seen)
    assert (left, top, right - left, bottom - top) == _bounds(covered)


def _absent(route: Route) -> Route:
    """Return an unused route, so that actors on the other routes keep their looks."""
    return replace(route, chance=0.0)


@pytest.mark.parametrize("seconds", [2.8, 3.0, 3.2])
def test_an_object_in_front_takes_pixels_from_the_one_behind(seconds: float) -> None:
    far, near = _crossing("car"), _crossing("walker", near=2.0)
    whole = _coverage([far, _absent(near)], seconds)
    open_view = whole * (1 - _coverage([_absent(far), near], seconds)) > 0.5
    car = next(t for t in _street([far, near], 0).truth(seconds) if t.class_id == 2)
    assert car.box_xywh == _bounds(open_view)
    share = open_view.sum() / (whole > 0.5).sum()
    assert car.visibility == pytest.approx(share, abs=0.002) and share < 1


@pytest.mark.parametrize(("metres_behind", "listed"), [(0.55, False), (1.2, True)])
def test_an_object_that_is_nearly_hidden_is_not_listed(metres_behind: float, listed: bool) -> None:
    x, y = CAMERA.spot(384, 250)
    walker, car = (
        Route(Way([(x, y + behind), (x + 0.2, y + behind)]), kind, 0.01, 1000.0)
        for kind, behind in (("walker", metres_behind), ("car", 0.0))
    )
    whole = _coverage([walker, _absent(car)], 1.0)
    rest = whole * (1 - _coverage([_absent(walker), car], 1.0)) > 0.5
    assert (rest.sum() >= 0.15 * (whole > 0.5).sum()) is np.bool_(listed)
    seen = {truth.class_id for truth in _street([walker, car], 0).truth(1.0)}
    assert seen == ({0, 2} if listed else {2})


def test_half_an_object_at_the_border_is_half_visible() -> None:
    route = _crossing("car")
    times = [k / 10 for k in range(60)]
    seen = {t: [truth.visibility for truth in _street([route], 0).truth(t)] for t in times}
    shares = [values[0] for values in seen.values() if values]
    assert max(shares) == 1.0 and min(shares) < 0.3
    grown = shares[: shares.index(1.0) + 1]
    assert grown == sorted(grown)


@pytest.mark.parametrize("seed", PLACES)
def test_boxes_lie_within_the_frame_and_off_the_counter(seed: int) -> None:
    for index in range(0, 300, 30):
        for truth in _place(seed).truth(index):
            x, y, width, height = truth.box_xywh
            assert 0 <= x < x + width <= 512 and 0 <= y < y + height <= 288
            assert min(width, height) >= 5 and 0 < truth.visibility <= 1
            assert y >= 16


@pytest.mark.parametrize("seed", PLACES)
def test_an_identity_keeps_its_class_and_moves_steadily(seed: int) -> None:
    before: dict[int, Truth] = {}
    for index in range(100, 110):
        seen = _place(seed).truth(index)
        now = {truth.id: truth for truth in seen}
        assert len(now) == len(seen)
        for key in before.keys() & now.keys():
            assert before[key].class_id == now[key].class_id
            assert math.dist(_centre(before[key]), _centre(now[key])) < 40
        before = now


def _centre(truth: Truth) -> tuple[float, float]:
    x, y, width, height = truth.box_xywh
    return x + width / 2, y + height / 2


def test_all_classes_and_occlusions_occur_in_the_first_ten_seconds() -> None:
    seen = [truth for index in range(0, 250, 10) for truth in _place(0).truth(index)]
    assert {truth.class_id for truth in seen} == {0, 1, 2}
    assert sum(truth.visibility < 0.9 for truth in seen) > 20
