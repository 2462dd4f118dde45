"""The view of events: snapshots, filters, a clip that plays, and what is said without events."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import accessibility_faults, page_of
from tests.support.cameras import until
from tests.support.passing_object import PassingObject
from tests.support.runs import minimal_config, quick_clip
from tests.support.web import Visitor, visited

EVENTS = "/api/v1/events"
TITLES = "() => [...document.querySelectorAll('.events strong')].map((each) => each.textContent)"


def with_clip(visitor: Visitor, kind: str) -> list[dict[str, Any]]:
    """Return the events of a kind whose clip is ready."""
    events = visitor.ask("GET", f"{EVENTS}?kind={kind}").content["events"]
    return [each for each in events if each["clip_state"] == "ready" and each["snapshot"]]


def only(page: Page, title: str) -> None:
    """Wait until there are events, and all of them have this title."""
    page.wait_for_function(
        f"(title) => {{ const titles = ({TITLES})();"
        "return titles.length && titles.every((each) => each === title) }",
        arg=title,
    )


def test_events_are_found_and_one_of_them_plays(browser: Browser, site: PassingObject) -> None:
    until(lambda: all(with_clip(site.visitor, kind) for kind in ("line", "object")))
    event = with_clip(site.visitor, "line")[-1]
    picture = site.visitor.ask("GET", f"{EVENTS}/{event['uuid']}/snapshot.jpg").content
    bgr = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
    assert bgr is not None and bgr[:, :, 0].max() > 200 > 2 * bgr[150, :, 2].min()  # it is blue

    with page_of(browser, site.visitor.port, "/events") as page:
        page.wait_for_function("() => document.querySelector('.events img')?.naturalWidth === 512")
        page.get_by_label("Kind").select_option("line")
        only(page, "Person crossed middle, left to right")
        page.get_by_label("Kind").select_option("object")
        only(page, "Person")
        page.get_by_label("Kind").select_option("")
        page.get_by_label("Line or zone").fill("middle")
        page.get_by_label("Line or zone").press("Enter")
        only(page, "Person crossed middle, left to right")

        page.locator(".events button", has_text="clip").last.click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("left to right")
        page.wait_for_function("() => document.querySelector('dialog video').currentTime > 0.3")
        assert page.evaluate("() => document.querySelector('dialog video').videoWidth") == 512
        assert accessibility_faults(page) == []
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)

        page.get_by_label("Class").fill("bicycle")
        page.get_by_label("Class").press("Enter")
        expect(page.get_by_text("No event matches")).to_be_visible()


def test_a_camera_before_which_nothing_has_happened_says_so(
    browser: Browser, tmp_path: Path
) -> None:
    config = minimal_config(
        tmp_path,
        quick_clip(10**9, realtime=True),
        serve={"address": "127.0.0.1:0"},
        events={"folder": str(tmp_path / "events")},
    )
    with visited(config) as found, page_of(browser, found.port, "/events") as page:
        expect(page.get_by_text("Nothing has happened yet")).to_be_visible()
