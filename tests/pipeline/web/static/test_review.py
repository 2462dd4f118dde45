"""The review page: what a person corrects is in the file, and the frame is the right one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from detector.labels.formats import write_labels
from detector.labels.labelled import Boxes, LabelledBox, LabelledClip, LabelledSet, Mark
from pipeline.review.app import review_app
from pipeline.review.pictures import Pictures
from pipeline.review.workspace import Workspace
from pipeline.sources.street.frame_counter import read_counter
from pipeline.web.server import Server
from tests.support.browser import accessibility_faults, page_of
from tests.support.recordings import write_recording

SIZE, FRAMES = (512, 256), 20
CLASSES = ("person", "bicycle")


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return write_recording(tmp_path / "clip.mp4", size=SIZE, frames=FRAMES)


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    """Write labels of one object in two parts, and of another one all the time."""
    one = [
        LabelledBox(k, (20.0 + 5 * k, 60, 60.0 + 5 * k, 160), 0, 1 if k < 10 else 2, 0.9)
        for k in range(FRAMES)
    ]
    other = [
        LabelledBox(k, (300, 60, 360, 160), 0, 3, 0.4, Mark.LINKED if k == 15 else Mark.DETECTED)
        for k in range(FRAMES)
    ]
    clip = LabelledClip(
        "clip", Boxes.of([*one, *other]), np.arange(FRAMES), FRAMES, (SIZE[1], SIZE[0])
    )
    path = tmp_path / "labels.coco.json"
    write_labels(LabelledSet(CLASSES, (clip,)), path)
    return path


@contextmanager
def reviewing(labels: Path, recording: Path, output: Path, scratch: Path) -> Iterator[int]:
    """Serve the page; yield its port."""
    workspace = Workspace(labels, output)
    scratch.mkdir()
    address = "127.0.0.1:0"
    with (
        Pictures(str(recording), workspace.clip.frames, scratch) as pictures,
        Server(review_app(workspace, pictures, address), address) as server,
    ):
        yield server.port


def at_frame(page: Page, frame: int) -> None:
    expect(page.get_by_text(f"Frame {frame} of {FRAMES - 1}")).to_be_visible()


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag from one point of the recording to another."""
    area = page.locator(".picture svg").bounding_box()
    assert area
    scale = area["width"] / SIZE[0]
    page.mouse.move(area["x"] + start[0] * scale, area["y"] + start[1] * scale)
    page.mouse.down()
    page.mouse.move(area["x"] + end[0] * scale, area["y"] + end[1] * scale, steps=4)
    page.mouse.up()


def tracks_in(path: Path) -> dict[str, list[list[int]]]:
    """Return the frames of each track with boxes, by label, as CVAT's XML has them."""
    found: dict[str, list[list[int]]] = {}
    for track in ElementTree.parse(path).findall("track"):
        shown = [box for box in track.findall("box") if box.get("outside") == "0"]
        found.setdefault(str(track.get("label")), []).append(
            [int(str(box.get("frame"))) for box in shown]
        )
    return {label: sorted(tracks) for label, tracks in found.items()}


def test_a_recording_is_corrected_with_the_keyboard_and_the_mouse(
    browser: Browser, labels: Path, recording: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.cvat.xml"
    with reviewing(labels, recording, output, tmp_path / "first") as port:
        with page_of(browser, port) as page:
            at_frame(page, 0)
            expect(page.locator(".picture g.box")).to_have_count(2)
            page.keyboard.press("x")  # the first box: track 1
            expect(page.get_by_role("heading", name="Track 1")).to_be_visible()
            page.keyboard.press("m")
            expect(page.get_by_text("Track 1 is held")).to_be_visible()
            for _ in range(10):
                page.keyboard.press("ArrowRight")
            at_frame(page, 10)
            page.keyboard.press("x")
            expect(page.get_by_role("heading", name="Track 2")).to_be_visible()
            page.keyboard.press("m")  # tracks 1 and 2 are one
            expect(page.get_by_text("2 tracks")).to_be_visible()
            expect(page.get_by_role("heading", name="Track 1")).to_be_visible()
            page.keyboard.press("x")
            expect(page.get_by_role("heading", name="Track 3")).to_be_visible()
            page.keyboard.press("2")  # it is a bicycle
            expect(page.get_by_role("combobox", name="Class", exact=True)).to_have_value("bicycle")
            page.get_by_label("linked").check()
            expect(page.get_by_label("linked")).to_be_checked()
            page.keyboard.press("n")  # also while the box of the filter has the focus
            at_frame(page, 15)
            expect(page.get_by_text("linked, score 0.40")).to_be_visible()  # the one that fits
            page.keyboard.press("Delete")
            expect(page.locator(".picture g.box")).to_have_count(1)
            drag(page, (115, 110), (125, 130))  # the box of track 1, from 95 to 135
            expect(page.get_by_text("drawn by a person")).to_be_visible()
            page.keyboard.press("Control+s")
            expect(page.get_by_role("button", name="Saved")).to_be_visible()
            assert accessibility_faults(page) == []
        saved = tracks_in(output)
        everywhere = list(range(FRAMES))
        assert saved["bicycle"] == [[k for k in everywhere if k != 15]]
        (box,) = ElementTree.parse(output).findall("track[@label='person']/box[@frame='15']")
        assert float(str(box.get("xtl"))) == pytest.approx(105, abs=1.5)
        assert float(str(box.get("ytl"))) == pytest.approx(80, abs=1.5)
        with page_of(browser, port) as page:  # loaded again, it has what was corrected
            at_frame(page, 0)
            expect(page.get_by_text("2 tracks")).to_be_visible()
            page.keyboard.press("z")
            expect(page.get_by_role("button", name="Save out.cvat.xml")).to_be_visible()
    with (
        reviewing(output, recording, output, tmp_path / "second") as port,
        page_of(browser, port) as page,
    ):
        expect(page.get_by_text("39 boxes, 2 tracks")).to_be_visible()
        expect(page.get_by_role("button", name="Saved")).to_be_visible()


def test_the_picture_is_that_of_the_frame(
    browser: Browser, labels: Path, recording: Path, tmp_path: Path
) -> None:
    with (
        reviewing(labels, recording, tmp_path / "out.coco.json", tmp_path / "scratch") as port,
        page_of(browser, port) as page,
    ):
        for frame in (0, 10, 19, 9):
            page.get_by_label("Frame", exact=True).fill(str(frame))
            at_frame(page, frame)
            answer = page.request.get(f"http://127.0.0.1:{port}/api/v1/review/frames/{frame}.jpg")
            image = cv2.imdecode(np.frombuffer(answer.body(), np.uint8), cv2.IMREAD_COLOR)
            assert image is not None
            assert read_counter(np.asarray(image, np.uint8)) == frame
            shown = page.locator(".picture img")
            expect(shown).to_have_attribute("src", f"/api/v1/review/frames/{frame}.jpg")


def test_two_objects_in_one_frame_are_not_merged_and_the_page_says_why(
    browser: Browser, labels: Path, recording: Path, tmp_path: Path
) -> None:
    with (
        reviewing(labels, recording, tmp_path / "out.coco.json", tmp_path / "scratch") as port,
        page_of(browser, port) as page,
    ):
        at_frame(page, 0)
        page.keyboard.press("x")
        expect(page.get_by_role("heading", name="Track 1")).to_be_visible()
        page.keyboard.press("m")
        expect(page.get_by_text("Track 1 is held")).to_be_visible()
        page.keyboard.press("x")
        expect(page.get_by_role("heading", name="Track 3")).to_be_visible()
        page.keyboard.press("m")
        expect(page.get_by_role("alert")).to_contain_text("are both in frame 0")


def test_a_track_stays_chosen_from_frame_to_frame_and_after_it_is_split(
    browser: Browser, labels: Path, recording: Path, tmp_path: Path
) -> None:
    with (
        reviewing(labels, recording, tmp_path / "out.coco.json", tmp_path / "scratch") as port,
        page_of(browser, port) as page,
    ):
        at_frame(page, 0)
        page.keyboard.press("s")
        expect(page.get_by_role("status")).to_have_text("Choose a box first: click it, or press X.")
        page.keyboard.press("Shift+X")
        expect(page.get_by_role("heading", name="Track 3")).to_be_visible()
        page.keyboard.press("Shift+ArrowRight")
        at_frame(page, 10)
        expect(page.get_by_role("heading", name="Track 3")).to_be_visible()
        page.keyboard.press("s")
        expect(page.get_by_role("heading", name="Track 4")).to_be_visible()
        expect(page.get_by_text("frames 10 to 19")).to_be_visible()
        below = page.get_by_label("With a score below")
        below.fill("0.2")
        below.press("Enter")
        expect(page.get_by_role("status")).to_have_text("No later frame has such a box.")


def test_the_slider_is_in_view_below_a_tall_picture(
    browser: Browser, labels: Path, recording: Path, tmp_path: Path
) -> None:
    with (
        reviewing(labels, recording, tmp_path / "out.coco.json", tmp_path / "scratch") as port,
        page_of(browser, port, size=(1280, 400)) as page,
    ):
        at_frame(page, 0)
        area = page.get_by_label("Frame", exact=True).bounding_box()
        assert area and area["y"] + area["height"] <= 400
