"""The views: access, cameras, what they say without content, phones, and accessibility."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from pipeline.access.passwords import hash_password
from tests.support.browser import DESKTOP, PHONE, accessibility_faults, page_of
from tests.support.cameras import until
from tests.support.environment import PASSWORD
from tests.support.recordings import write_recording
from tests.support.runs import emitted, minimal_config, quick_clip
from tests.support.web import Visitor, visited

NO_CONNECTION = "window.WebSocket = class { close() {} };"  # no frame ever comes
VIEWS = ["/cameras", "/cameras/steady", "/events", "/recordings", "/system"]


@pytest.fixture(scope="module")
def visitor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    config = minimal_config(
        tmp_path_factory.mktemp("out"),
        quick_clip(10**9, name="steady", realtime=True),
        serve={"address": "127.0.0.1:0", "schemes": ["rtsp"]},
    )
    with visited(config) as found:
        until(lambda: emitted(found.run, "steady"))
        yield found


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    users = {
        name: {"password": hash_password(PASSWORD), "role": role}
        for name, role in (("anna", "admin"), ("vera", "view"))
    }
    config = minimal_config(
        tmp_path_factory.mktemp("out"),
        quick_clip(10**9, name="steady", realtime=True),
        serve={"address": "127.0.0.1:0", "users": users},
    )
    with visited(config) as found:
        yield found


def log_in(page: Page, name: str, password: str = PASSWORD) -> None:
    """Fill in the form."""
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def wait_for_content(page: Page) -> None:
    """Wait until nothing says that it loads."""
    expect(page.locator("main h1").first).to_be_visible()
    expect(page.get_by_text("Loading")).to_have_count(0)


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("view", VIEWS)
def test_a_view_fits_and_has_no_serious_faults_for_those_who_cannot_see_it(
    view: str, size: tuple[int, int], browser: Browser, visitor: Visitor
) -> None:
    with page_of(browser, visitor.port, view, size=size) as page:
        wait_for_content(page)
        assert accessibility_faults(page) == []
        page.emulate_media(color_scheme="dark")
        assert accessibility_faults(page, "color-contrast") == []
        assert page.evaluate("() => document.documentElement.scrollWidth") <= size[0]


def test_on_a_phone_the_sections_are_at_the_bottom(browser: Browser, visitor: Visitor) -> None:
    with page_of(browser, visitor.port, size=PHONE) as page:
        wait_for_content(page)
        box = page.get_by_role("navigation").bounding_box()
        assert box and box["x"] == 0 and box["y"] + box["height"] == PHONE[1]
        page.get_by_role("link", name="System").tap()
        expect(page.get_by_role("heading", level=1)).to_have_text("System")


def test_without_a_login_the_page_shows_nothing_and_a_wrong_password_is_said(
    browser: Browser, guarded: Visitor
) -> None:
    with page_of(browser, guarded.port, "/cameras/steady") as page:
        log_in(page, "anna", "wrong")
        expect(page.get_by_role("alert")).to_contain_text("name or password is wrong")
        expect(page.locator("video")).to_have_count(0)
        assert accessibility_faults(page) == []


def test_an_admin_may_change_a_viewer_may_only_look_and_both_can_leave(
    browser: Browser, guarded: Visitor
) -> None:
    with page_of(browser, guarded.port, "/cameras/steady") as page:
        log_in(page, "anna")
        expect(page.get_by_role("button", name="Remove")).to_be_visible()
        page.get_by_role("button", name="Log out").click()
        log_in(page, "vera")
        expect(page.get_by_role("heading", name="Where frames went")).to_be_visible()
        expect(page.get_by_role("button", name="Remove")).to_have_count(0)
        page.get_by_role("link", name="Lines and zones").click()
        expect(page.get_by_text("Your role may look")).to_be_visible()
        expect(page.get_by_role("button", name="Save")).to_have_count(0)
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_label("Password")).to_be_visible()


def test_a_session_that_ended_elsewhere_leads_to_the_login(
    browser: Browser, guarded: Visitor
) -> None:
    with page_of(browser, guarded.port) as page:
        log_in(page, "anna")
        expect(page.get_by_role("heading", name="Cameras")).to_be_visible()
        page.context.clear_cookies()
        expect(page.get_by_label("Password")).to_be_visible()


def test_a_camera_is_tested_added_and_removed(browser: Browser, visitor: Visitor) -> None:
    with page_of(browser, visitor.port) as page:
        page.get_by_role("button", name="Add a camera").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Name").fill("door")
        dialog.get_by_label("Address").fill("rtsp://127.0.0.1:9/1")
        dialog.get_by_role("button", name="Test").click()
        expect(dialog.locator(".error")).to_contain_text("refused")
        assert accessibility_faults(page) == []
        dialog.get_by_role("button", name="Add", exact=True).click()
        page.get_by_role("link", name="door").click()
        expect(page.get_by_text("The camera is not reachable").first).to_be_visible()
        page.get_by_role("button", name="Remove").click()
        page.get_by_role("dialog").get_by_role("button", name="Remove").click()
        expect(page.get_by_role("link", name="steady")).to_be_visible()
        expect(page.get_by_role("link", name="door")).to_have_count(0)
    assert [stream.name for stream in visitor.run.streams] == ["steady"]


def test_a_source_that_may_not_be_added_is_refused_with_the_reason(
    browser: Browser, visitor: Visitor
) -> None:
    with page_of(browser, visitor.port) as page:
        page.get_by_role("button", name="Add a camera").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Name").fill("file")
        dialog.get_by_label("Address").fill("/etc/passwd")
        dialog.get_by_role("button", name="Add", exact=True).click()
        expect(dialog.locator(".error")).to_contain_text("serve: folders")
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)


@pytest.mark.parametrize(
    ("view", "text"),
    [
        ("/events", "Events are not stored yet"),
        ("/recordings", "Nothing is recorded"),
        ("/cameras/nobody", "There is no camera"),
    ],
)
def test_what_is_not_there_is_said_with_what_to_do(
    view: str, text: str, browser: Browser, visitor: Visitor
) -> None:
    with page_of(browser, visitor.port, view) as page:
        expect(page.get_by_text(text)).to_be_visible()


def test_a_recording_plays_and_the_timeline_seeks(browser: Browser, tmp_path: Path) -> None:
    clip = write_recording(tmp_path / "clip.mp4", frames=100)
    config = minimal_config(
        tmp_path,
        {"url": str(clip), "name": "clip", "realtime": True, "loop": True},
        recording={"url": str(tmp_path / "{stream}-%H%M%S.mp4"), "segment_seconds": 1},
        serve={"address": "127.0.0.1:0"},
    )
    with visited(config) as found:
        path = "/api/v1/recordings?camera=clip"
        until(lambda: len(found.ask("GET", path).content["recordings"]) > 3)
        with page_of(browser, found.port, "/recordings") as page:
            slider = page.get_by_role("slider", name="Time of the recording")
            slider.focus()
            slider.press("ArrowLeft")
            begin = found.ask("GET", path).content["recordings"][0]["start"]
            page.wait_for_function(
                "(begin) => { const video = document.querySelector('video');"
                "return video.currentTime > 0.3 &&"
                "Number(document.querySelector('[data-at]').dataset.at) < begin + 1; }",
                arg=begin,
            )
            assert accessibility_faults(page) == []


def test_files_of_the_page_are_asked_for_again_so_that_they_fit_each_other(
    visitor: Visitor,
) -> None:
    answer = visitor.ask("GET", "/static/main.js")
    assert (answer.status, answer.headers["cache-control"]) == (200, "no-cache")
    again = visitor.ask("GET", "/static/main.js", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status == 304


@pytest.mark.parametrize("view", ["/cameras", "/cameras/steady", "/cameras/steady/zones"])
def test_a_picture_has_its_shape_before_its_first_frame(
    view: str, browser: Browser, visitor: Visitor
) -> None:
    with page_of(browser, visitor.port, view, script=NO_CONNECTION) as page:
        page.locator(".live").wait_for()
        box = page.locator(".live").bounding_box()
    assert box and box["width"] / box["height"] == pytest.approx(512 / 128, rel=0.01)


def test_figures_of_the_ledger_add_up_on_the_page(browser: Browser, visitor: Visitor) -> None:
    with page_of(browser, visitor.port, "/cameras/steady") as page:
        page.get_by_role("heading", name="Where frames went").wait_for()
        numbers = page.locator("section.card table").first.evaluate(
            "(table) => ['tbody', 'tfoot'].map((part) =>"
            "[...table.querySelectorAll(`${part} tr`)].map((row) =>"
            "Number(row.cells[1].textContent.replace(/,/g, ''))))"
        )
    assert sum(numbers[0]) == numbers[1][0] > 0


def test_everything_can_be_reached_with_the_keyboard(browser: Browser, visitor: Visitor) -> None:
    with page_of(browser, visitor.port) as page:
        wait_for_content(page)
        page.keyboard.press("Tab")
        expect(page.get_by_text("Skip to the content")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("main")).to_be_focused()
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name="Add a camera")).to_be_focused()
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("steady")
