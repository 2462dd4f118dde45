"""A real camera on the page: it plays, the right tracks are drawn, and trouble is said."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from pipeline.config import RunConfig
from pipeline.packets.packet import HERTZ
from tests.support.browser import NO_MEDIA_SOURCE, page_of
from tests.support.cameras import FPS, Server, numbered, require_gstreamer, until, write_units
from tests.support.recordings import write_recording
from tests.support.runs import emitted, minimal_config
from tests.support.shown_numbers import Numbers, shown_numbers
from tests.support.web import Visitor, visited

SAMPLES = 100
RIGHT = 95  # of the samples
ROUNDS = 4  # of samples: a busy machine may spoil some, but never all
PATIENT = {"max_age": 60}  # a busy machine drops no frames


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    require_gstreamer()
    clip = write_units(tmp_path_factory.mktemp("clips") / "clip", numbered((512, 288)))
    with Server({"door": {"clip": clip}}) as server:
        yield server


@pytest.fixture(scope="module")
def visitor(camera: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    config = minimal_config(
        tmp_path_factory.mktemp("out"),
        {"url": camera.url("door"), "name": "door", **PATIENT},
        serve={"address": "127.0.0.1:0"},
    )
    with visited(config) as found:
        until(lambda: emitted(found.run, "door"))
        yield found


@pytest.fixture
def page(browser: Browser, visitor: Visitor) -> Iterator[Page]:
    with page_of(browser, visitor.port, "/cameras/door") as opened:
        yield opened


def wait_until_it_plays(page: Page) -> None:
    """Wait until the video element has shown some seconds."""
    page.wait_for_function(
        "() => { const video = document.querySelector('video');"
        "return video?.buffered.length && video.currentTime > video.buffered.start(0) + 1; }"
    )


def test_tracks_are_drawn_over_the_frame_that_they_belong_to(page: Page, visitor: Visitor) -> None:
    (stream,) = visitor.run.streams
    numbers = Numbers(stream)
    wait_until_it_plays(page)
    page.wait_for_function("() => document.querySelector('canvas.overlay').dataset.tracks")
    for _ in range(ROUNDS):
        samples = shown_numbers(page, SAMPLES)
        assert all(later.seconds >= sooner.seconds for sooner, later in pairwise(samples))
        (first,) = {(number - place) % 100 for place, number in numbers.by_place(FPS).items()}
        right = [
            each.tracks is not None and each.number == (each.tracks * FPS // HERTZ + first) % 100
            for each in samples
        ]
        if sum(right) >= RIGHT:
            return
    wrong = [each for each, good in zip(samples, right, strict=True) if not good]
    pytest.fail(f"{len(wrong)} of {SAMPLES} samples: {wrong}")


def test_a_recording_at_its_own_speed_is_watched_as_video_too(
    browser: Browser, tmp_path: Path
) -> None:
    clip = write_recording(tmp_path / "clip.mp4", size=(512, 288), frames=100)
    source = {"url": str(clip), "name": "clip", "realtime": True, "loop": True}
    config = minimal_config(tmp_path, source, serve={"address": "127.0.0.1:0"})
    with visited(config) as visitor, page_of(browser, visitor.port, "/cameras/clip") as page:
        wait_until_it_plays(page)
        for _ in range(ROUNDS):
            samples = shown_numbers(page, SAMPLES)
            right = [
                each.tracks is not None and each.number == each.tracks * FPS // HERTZ % 100
                for each in samples
            ]
            if sum(right) >= RIGHT:
                return
        pytest.fail(f"{SAMPLES - sum(right)} of {SAMPLES} samples are wrong: {samples}")


def test_the_page_says_how_far_it_is_behind_the_camera(page: Page) -> None:
    wait_until_it_plays(page)
    page.wait_for_function("() => Number(document.querySelector('[data-behind]').dataset.behind)")
    expect(page.locator("[data-behind]")).to_contain_text("behind")


def test_a_frozen_camera_says_so_until_it_goes_on(page: Page, camera: Server) -> None:
    wait_until_it_plays(page)
    expect(page.locator(".live .notice")).to_have_count(0)
    camera.tell("door", paused=True)
    try:
        expect(page.locator(".live .notice")).to_contain_text("Frozen for")
    finally:
        camera.tell("door", paused=False)
    expect(page.locator(".live .notice")).to_have_count(0)


def test_without_media_source_it_is_shown_as_jpeg(browser: Browser, visitor: Visitor) -> None:
    with page_of(browser, visitor.port, "/cameras/door", script=NO_MEDIA_SOURCE) as page:
        picture = page.locator("canvas[role=img]")
        expect(picture).to_be_visible()
        page.wait_for_function("() => document.querySelector('canvas[role=img]').width === 512")
        shown = "document.querySelector('canvas.overlay').dataset"
        first = page.evaluate(f"() => Number({shown}.frame)")
        page.wait_for_function(f"(first) => Number({shown}.frame) > first + 90000", arg=first)
        page.wait_for_function(f"() => {shown}.frame === {shown}.tracks")
        expect(page.locator(".facts")).to_contain_text("JPEG")


def test_a_restart_of_the_server_is_survived(
    browser: Browser, camera: Server, tmp_path: Path
) -> None:
    def config(port: int) -> RunConfig:
        source = {"url": camera.url("door"), "name": "door", **PATIENT}
        return minimal_config(tmp_path, source, serve={"address": f"127.0.0.1:{port}"})

    with ExitStack() as stack:
        with visited(config(0)) as visitor:
            page = stack.enter_context(page_of(browser, visitor.port, "/cameras/door"))
            wait_until_it_plays(page)
        expect(page.get_by_role("alert")).to_contain_text("does not answer")
        expect(page.locator(".live .notice")).to_contain_text("No connection")
        with visited(config(visitor.port)):
            expect(page.get_by_role("alert")).to_have_count(0)
            expect(page.locator(".live .notice")).to_have_count(0)
            wait_until_it_plays(page)


def test_a_restarted_camera_plays_again(page: Page, visitor: Visitor) -> None:
    wait_until_it_plays(page)
    page.get_by_role("button", name="Restart").click()
    expect(page.locator(".live .notice")).to_have_count(1)
    expect(page.locator(".live .notice")).to_have_count(0)
    wait_until_it_plays(page)
