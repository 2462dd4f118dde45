"""The editor of lines and zones: mouse, keyboard, undo, conflicts, roles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import accessibility_faults, click_at, page_of
from tests.support.cameras import until
from tests.support.runs import emitted, minimal_config, quick_clip
from tests.support.web import Visitor, visited

ANALYTICS = "/api/v1/analytics"
YARD = [[0.2, 0.3], [0.6, 0.3], [0.6, 0.8]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    config = minimal_config(
        tmp_path_factory.mktemp("out"),
        quick_clip(10**9, name="steady", realtime=True),
        serve={"address": "127.0.0.1:0"},
    )
    with visited(config) as found:
        until(lambda: emitted(found.run, "steady"))
        yield found


@pytest.fixture
def visitor(server: Visitor) -> Visitor:
    """The server, with one zone and no line."""
    etag = server.ask("GET", ANALYTICS).headers["etag"]
    content = {"zones": [{"name": "yard", "polygon": YARD}]}
    assert server.ask("PUT", ANALYTICS, content, {"If-Match": etag}).status == 200
    return server


@pytest.fixture
def page(browser: Browser, visitor: Visitor) -> Iterator[Page]:
    with page_of(browser, visitor.port, "/cameras/steady/zones") as opened:
        expect(opened.locator("svg.shapes")).to_be_visible()
        yield opened


def saved(visitor: Visitor) -> dict[str, Any]:
    """Return what the server has."""
    content: dict[str, Any] = visitor.ask("GET", ANALYTICS).content
    return content


def near(points: list[list[float]], expected: list[list[float]]) -> bool:
    """Return whether points are where they are expected, to some pixels."""
    pairs = zip(points, expected, strict=True)
    return all(abs(a - b) < 0.01 for one, two in pairs for a, b in zip(one, two, strict=True))


def test_a_zone_and_a_line_drawn_with_the_mouse_arrive_at_the_server(
    page: Page, visitor: Visitor
) -> None:
    corners = [[0.1, 0.5], [0.4, 0.5], [0.4, 0.9]]
    page.get_by_role("button", name="New zone").click()
    for corner in [*corners, corners[0]]:
        click_at(page, *corner)
    page.get_by_label("Name").fill("drawn")
    page.get_by_label("Classes").fill("person, car")
    page.get_by_label("Report a stay").fill("12.5")
    page.get_by_role("button", name="New line").click()
    for end in ([0.7, 0.2], [0.9, 0.6]):
        click_at(page, *end)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    _, zone = saved(visitor)["zones"]
    (line,) = saved(visitor)["lines"]
    assert near(zone.pop("polygon"), corners)
    assert zone == {
        "name": "drawn",
        "classes": ["person", "car"],
        "dwell_seconds": 12.5,
        "streams": ["steady"],
    }
    assert line["name"] == "line 1" and near([line["start"], line["end"]], [[0.7, 0.2], [0.9, 0.6]])


def test_points_are_dragged_moved_by_keys_added_removed_and_all_of_it_undone(
    page: Page, visitor: Visitor
) -> None:
    page.get_by_role("button", name="yard").click()
    corner = page.get_by_role("button", name="yard, corner 1")
    box, picture = corner.bounding_box(), page.locator("svg.shapes").bounding_box()
    assert box and picture
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    for x, y in ([0.15, 0.2], [0.1, 0.1]):
        page.mouse.move(picture["x"] + x * picture["width"], picture["y"] + y * picture["height"])
    page.mouse.up()
    page.get_by_role("button", name="yard, corner 2").press("ArrowLeft")
    page.get_by_role("button", name="after corner 3").press("Enter")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    added = [(0.6 + 0.1) / 2, (0.8 + 0.1) / 2]
    (zone,) = saved(visitor)["zones"]
    assert near(zone["polygon"], [[0.1, 0.1], [0.59, 0.3], [0.6, 0.8], added])

    page.get_by_role("button", name="yard").first.click()
    page.get_by_role("button", name="yard, corner 4").press("Delete")
    page.get_by_role("button", name="yard, corner 1").press("ArrowUp")
    for _ in range(2):
        page.keyboard.press("Control+z")
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()
    expect(page.get_by_role("button", name="yard, corner 4")).to_have_count(1)


def test_a_second_editor_learns_of_the_conflict_and_may_load_or_replace(
    page: Page, browser: Browser, visitor: Visitor
) -> None:
    def draw_a_line(on: Page) -> None:
        on.get_by_role("button", name="New line").click()
        on.keyboard.press("Enter")
        on.get_by_role("button", name="Save").click()

    with page_of(browser, visitor.port, "/cameras/steady/zones") as second:
        expect(second.get_by_role("button", name="yard").first).to_be_visible()
        draw_a_line(page)
        expect(page.get_by_text("Saved.")).to_be_visible()
        draw_a_line(second)
        expect(second.get_by_role("dialog")).to_contain_text("Somebody else has saved")
        assert len(saved(visitor)["lines"]) == 1
        second.get_by_role("button", name="Discard mine").click()
        expect(second.get_by_role("button", name="line 1").first).to_be_visible()
        page.get_by_role("button", name="line 1").first.click()
        page.get_by_role("button", name="Delete").click()
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Saved.")).to_be_visible()
        draw_a_line(second)
        second.get_by_role("button", name="Replace theirs").click()
        expect(second.get_by_text("Saved.")).to_be_visible()
        assert [line["name"] for line in saved(visitor)["lines"]] == ["line 1", "line 2"]


def test_two_shapes_of_one_name_are_refused_with_the_reason(page: Page) -> None:
    page.get_by_role("button", name="New zone").click()
    page.keyboard.press("Enter")
    page.get_by_label("Name").fill("yard")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("given twice")).to_be_visible()


def test_without_a_picture_nothing_can_be_drawn_and_the_hint_says_why(
    browser: Browser, tmp_path: Path
) -> None:
    config = minimal_config(
        tmp_path,
        {"url": "rtsp://127.0.0.1:9/1", "name": "absent"},
        analytics={"zones": [{"name": "yard", "polygon": YARD}]},
        serve={"address": "127.0.0.1:0"},
    )
    with (
        visited(config) as found,
        page_of(browser, found.port, "/cameras/absent/zones") as opened,
    ):
        expect(opened.get_by_text("once the camera has shown a picture")).to_be_visible()
        for tool in ("New zone", "New line"):
            expect(opened.get_by_role("button", name=tool)).to_be_disabled()
        expect(opened.locator("svg.shapes")).to_have_count(0)
        opened.get_by_role("button", name="yard").click()
        opened.get_by_role("button", name="Delete").click()
        opened.get_by_role("button", name="Save").click()
        expect(opened.get_by_text("Saved.")).to_be_visible()
        assert saved(found)["zones"] == []


def test_the_editor_has_no_serious_faults_for_those_who_cannot_see_it(page: Page) -> None:
    page.get_by_role("button", name="yard").click()
    assert accessibility_faults(page) == []
