"""The built-in street: the same bytes for the same seed, and truth that the pixels confirm."""

from __future__ import annotations

import io
import math
import subprocess
from dataclasses import replace
from fractions import Fraction
from functools import cache
from itertools import islice, pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detector.detections import UInt8Array
from detector.errors import UsageError
from pipeline.sources.street.camera import Camera
from pipeline.sources.street.frame_counter import draw_counter, read_counter
from pipeline.sources.street.light import Light
from pipeline.sources.street.scene import Scene
from pipeline.sources.street.traffic import Path as Way
from pipeline.sources.street.traffic import Route
from pipeline.sources.street.world import Street, Truth
from pipeline.sources.synthetic import Synthetic, main

PLACES = range(4)  # the first four seeds are four different places
KINDS = ("car", "walker", "rider", "pusher")


@cache
def _place(seed: int) -> Synthetic:
    """Return the street of a seed, small: most of the time goes into drawing its ground."""
    return Synthetic(f"synthetic:{seed}", width=512, height=288)


# The counter


@settings(deadline=None)  # the machine may be busy
@given(number=st.integers(0, 2**24 - 1))
def test_the_counter_reads_what_was_drawn(number: int) -> None:
    picture = np.full((32, 520, 3), 90, np.uint8)
    draw_counter(picture, number)
    assert read_counter(picture) == number


def test_the_counter_wraps_at_24_bits() -> None:
    picture = np.zeros((16, 512, 3), np.uint8)
    draw_counter(picture, 2**24 + 5)
    assert read_counter(picture) == 5


@settings(deadline=None)  # the machine may be busy
@given(number=st.integers(0, 2**24 - 1), cell=st.integers(0, 31))
def test_a_counter_with_one_wrong_cell_is_refused(number: int, cell: int) -> None:
    picture = np.zeros((16, 512, 3), np.uint8)
    draw_counter(picture, number)
    area = picture[:, cell * 16 : cell * 16 + 16]
    area[:] = 255 - area
    assert read_counter(picture) is None


@pytest.mark.parametrize("value", [0, 60, 128, 255])
def test_an_even_picture_carries_no_counter(value: int) -> None:
    assert read_counter(np.full((432, 768, 3), value, np.uint8)) is None


def test_pictures_without_a_counter_give_none() -> None:
    source = Synthetic("synthetic:1", width=512, height=288, counter=False)
    assert read_counter(source.draw(0)) is None
    assert read_counter(_place(1).draw(0)[:, :500]) is None


def test_the_counter_survives_a_tint() -> None:
    picture = np.zeros((16, 512, 3), np.uint8)
    draw_counter(picture, 123456)
    tinted = (picture * np.array([0.6, 0.9, 0.8]) + np.array([50, 10, 0])).clip(0, 255)
    assert read_counter(tinted.astype(np.uint8)) == 123456


def test_the_counter_survives_h264_at_a_poor_quality() -> None:
    pictures = _through_h264([_place(0).draw(index) for index in range(12)], crf=40)
    assert [read_counter(picture) for picture in pictures] == list(range(12))


def _through_h264(pictures: list[UInt8Array], crf: int) -> list[UInt8Array]:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="matroska") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": str(crf)})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode(None))
    buffer.seek(0)
    with av.open(buffer) as container:
        return [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]


# The source


@pytest.mark.parametrize("seed", PLACES)
def test_the_same_seed_gives_the_same_bytes_in_any_order(seed: int) -> None:
    one, other = (Synthetic(f"synthetic:{seed}", width=512, height=288) for _ in range(2))
    in_order = [one.draw(index) for index in (0, 40, 80)]
    backwards = [other.draw(index) for index in (80, 40, 0)][::-1]
    assert all(np.array_equal(a, b) for a, b in zip(in_order, backwards, strict=True))
    assert not np.array_equal(in_order[0], in_order[1])


def test_another_seed_gives_another_picture_of_the_same_place() -> None:
    first, second = (_place(seed).draw(0)[16:] for seed in (0, 4))
    assert float(np.mean(first == second)) < 0.2


def test_frames_come_numbered_in_time_and_end() -> None:
    source = Synthetic(
        "synthetic:1", "yard", width=512, height=288, frame_rate=Fraction(30000, 1001), frames=4
    )
    stream = source.open()
    decoded = list(source)
    source.close()
    assert (stream.name, stream.url, stream.live) == ("yard", "synthetic:1", False)
    assert stream.nominal_interval == Fraction(1001, 30000)
    assert [(d.pts, d.time_base) for d in decoded] == [(k, Fraction(1001, 30000)) for k in range(4)]
    assert [read_counter(d.picture.bgr) for d in decoded] == [0, 1, 2, 3]
    assert all(a.captured_at < b.captured_at for a, b in pairwise(decoded))
    assert source.faults == [] and not stream.cut.is_set()


def test_a_stopped_source_ends_and_says_that_it_was_cut() -> None:
    source = Synthetic("synthetic:1", width=512, height=288)  # without end
    stream = source.open()
    pictures = iter(source)
    assert len(list(islice(pictures, 2))) == 2
    source.stop()
    assert list(pictures) == []
    assert stream.cut.is_set()


def test_stopping_after_the_end_cuts_nothing() -> None:
    source = Synthetic("synthetic:1", width=512, height=288, frames=1)
    stream = source.open()
    assert len(list(source)) == 1
    source.stop()
    assert not stream.cut.is_set()


@pytest.mark.parametrize(
    ("url", "options", "complaint"),
    [
        ("synthetic", {"width": 510}, "at least 512x128 .the frame counter"),
        ("synthetic", {"width": 769}, "both even"),
        ("synthetic", {"height": 64}, "64 given"),
        ("synthetic", {"width": 126, "counter": False}, "at least 128x128"),
        ("synthetic", {"frame_rate": Fraction(0)}, "above 0"),
        ("synthetic:monday", {}, "'monday' given: a whole number"),
        ("synthetic:-1", {}, "'-1' given"),
    ],
)
def test_what_cannot_be_drawn_is_refused(url: str, options: dict[str, int], complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        Synthetic(url, "street", **options)  # type: ignore[arg-type]


# The truth


CAMERA = Camera(height=6.0, pitch=math.radians(40), focal=700.0, width=768, height_px=432)
NO_SHADOWS = Light(slant_x=0.4, slant_y=0.2, shade=0, contact=0)


def _street(routes: list[Route], grey: int) -> Street:
    """Return an even ground with nothing on it but those on the routes."""
    ground = np.full((432, 768, 3), grey, np.uint8)
    return Street(Scene(CAMERA, NO_SHADOWS, ground, (), (), tuple(routes)), seed=5)


def _coverage(routes: list[Route], seconds: float) -> NDArray[np.float64]:
    """Return how much of each pixel is covered, 0..1: what a black and a white ground differ in."""
    black, white = (_street(routes, grey).draw(seconds).astype(int) for grey in (0, 255))
    return np.asarray(1 - (white - black).mean(axis=2) / 255)


def _bounds(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    rows, columns = np.nonzero(mask)
    left, top = int(columns.min()), int(rows.min())
    return left, top, int(columns.max()) + 1 - left, int(rows.max()) + 1 - top


def _crossing(kind: str, near: float = 0.0) -> Route:
    """Return a way through the middle of the picture, `near` metres towards the camera."""
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
    """Return a route that nobody takes, so that those on the others look as they did."""
    return replace(route, chance=0.0)


@pytest.mark.parametrize("seconds", [2.8, 3.0, 3.2])
def test_what_stands_in_front_takes_pixels_from_what_is_behind(seconds: float) -> None:
    far, near = _crossing("car"), _crossing("walker", near=2.0)
    whole = _coverage([far, _absent(near)], seconds)
    open_view = whole * (1 - _coverage([_absent(far), near], seconds)) > 0.5
    car = next(t for t in _street([far, near], 0).truth(seconds) if t.class_id == 2)
    assert car.box_xywh == _bounds(open_view)
    share = open_view.sum() / (whole > 0.5).sum()
    assert car.visibility == pytest.approx(share, abs=0.002) and share < 1


@pytest.mark.parametrize(("metres_behind", "listed"), [(0.55, False), (1.2, True)])
def test_an_object_hidden_but_for_a_rest_is_not_listed(metres_behind: float, listed: bool) -> None:
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
def test_boxes_lie_within_the_picture_and_off_the_counter(seed: int) -> None:
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


# The clip


def test_a_written_clip_has_exact_times_its_numbers_and_its_labels(tmp_path: Path) -> None:
    arguments = ["--output", str(tmp_path), "--name", "a", "--frames", "8", "--seed", "1"]
    arguments += ["--size", "512", "288"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    clip = str(tmp_path / "videos/a.mp4")
    times = subprocess.run(
        ["ffprobe", "-v", "error", "-of", "csv=p=0", "-show_entries", "frame=pts_time", clip],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    assert [Fraction(time.strip(",")) for time in times] == [Fraction(k, 25) for k in range(8)]
    with av.open(clip) as container:
        pictures = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    assert [read_counter(picture) for picture in pictures] == list(range(8))
    assert (tmp_path / "classes.txt").read_text() == "person\nbicycle\ncar\n"
    source = _place(1)
    assert np.abs(pictures[5].astype(int) - source.draw(5)).mean() < 4
    rows = [line.split(",") for line in (tmp_path / "gt/a.txt").read_text().splitlines()]
    of_frame_6 = {int(row[1]): row for row in rows if row[0] == "6"}
    assert of_frame_6.keys() == {truth.id for truth in source.truth(5)}
    for truth in source.truth(5):
        row = of_frame_6[truth.id]
        assert tuple(map(int, row[2:6])) == truth.box_xywh
        assert (row[6], int(row[7])) == ("1", truth.class_id)
        assert float(row[8]) == pytest.approx(truth.visibility, abs=0.006)


def test_the_writer_refuses_what_the_source_refuses(tmp_path: Path) -> None:
    arguments = ["--output", str(tmp_path), "--name", "a", "--size", "300", "200"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code != 0 and "at least 512x128" in result.output
