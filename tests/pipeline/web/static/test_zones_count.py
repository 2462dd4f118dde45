"""Lines and zones drawn with the mouse: they are saved, and count what passes."""

from __future__ import annotations

import json
from typing import Any

import yaml
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import click_at, page_of
from tests.support.cameras import CAP
from tests.support.passing_object import FIRST, ROUND, PassingObject, passes

LINE, ZONE = 0.5, 0.62  # where the object comes over the line, and into the zone
CORNERS = [[ZONE, 0.1], [0.95, 0.1], [0.95, 0.95], [ZONE, 0.95]]
ENOUGH = 3
COUNTS = """() => Object.fromEntries(
  [...document.querySelectorAll("section.card")]
    .filter((card) => card.querySelector("h2").textContent.startsWith("Counts"))
    .flatMap((card) => [...card.querySelectorAll("tr")])
    .map((row) => [...row.cells].map((cell) => cell.textContent))
    .map(([what, number]) => [what, Number(number.replace(/,/g, ""))]))"""


PAINTED = """() => {
  const canvas = document.querySelector("canvas.overlay");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return data.filter((value, place) => place % 4 === 3 && value).length; // pixels
}"""


def draw(page: Page) -> None:
    """Draw a line from below, and a zone, and save them."""
    page.get_by_role("button", name="New line").click()
    for end in ([LINE, 0.95], [LINE, 0.05]):
        click_at(page, *end)
    page.get_by_label("Name").fill("drawn line")
    page.get_by_role("button", name="New zone").click()
    for corner in [*CORNERS, CORNERS[0]]:
        click_at(page, *corner)
    page.get_by_label("Name").fill("drawn zone")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()


def test_each_layer_is_drawn_or_not_and_the_choice_is_remembered(
    browser: Browser, site: PassingObject
) -> None:
    with page_of(browser, site.visitor.port, "/cameras/gate") as page:
        switches = page.get_by_role("group", name="Layers").get_by_role("checkbox")
        expect(switches).to_have_count(5)
        page.wait_for_function(f"() => ({PAINTED})() > 0")
        for place in range(5):
            switches.nth(place).uncheck()
        page.wait_for_function(f"() => ({PAINTED})() === 0")
        page.get_by_label("Lines and zones", exact=True).check()
        page.wait_for_function(f"() => ({PAINTED})() > 0")
        page.reload()
        expect(page.get_by_label("Lines and zones", exact=True)).to_be_checked()
        expect(page.get_by_label("Boxes")).not_to_be_checked()


def test_what_is_drawn_arrives_in_the_file_and_counts_what_is_true(
    browser: Browser, site: PassingObject
) -> None:
    with page_of(browser, site.visitor.port, "/cameras/gate") as page:
        page.get_by_role("link", name="Lines and zones").click()
        draw(page)
        text = site.file.read_text(encoding="utf-8")
        saved = yaml.safe_load(text)["analytics"]
        assert [line["name"] for line in saved["lines"]] == ["middle", "drawn line"]
        assert [zone["name"] for zone in saved["zones"]] == ["drawn zone"]
        assert "# My site" in text and "# the gate" in text

        page.get_by_role("link", name="Back to gate").click()
        page.wait_for_function(
            f"(wanted) => ({COUNTS})()['drawn line left to right'] >= wanted", arg=ENOUGH
        )
        site.visitor.run.pipeline.stop()
        assert site.visitor.run.pipeline.wait(CAP)
        frames = [json.loads(each) for each in site.lines.read_text("utf-8").splitlines()]
        quiet = [
            each
            for each in frames
            if "drawn line" in each.get("counts", {}) and each["index"] % ROUND < FIRST
        ]  # nothing is in sight since half a second, so that all that has passed is counted
        first, last = quiet[0], quiet[-1]
        for name, count, x in (
            ("drawn line", "left to right", LINE),
            ("drawn zone", "entered", ZONE),
        ):
            passed = passes(x, first["index"], last["index"])
            assert passed >= ENOUGH - 2
            assert people(last, name, count) - people(first, name, count) == passed
        figures = site.visitor.ask("GET", "/api/v1/cameras/gate").content
        page.wait_for_function(
            f"(wanted) => {{ const counts = ({COUNTS})();"
            "return Object.entries(wanted).every(([what, number]) => counts[what] === number) }",
            arg={
                "drawn line left to right": people(figures, "drawn line", "left to right"),
                "drawn zone entered": people(figures, "drawn zone", "entered"),
            },
        )


def people(figures: dict[str, Any], shape: str, count: str) -> int:
    """Return how many people were counted at a shape, in a frame's line or in the API."""
    return int(figures["counts"][shape].get(count, {}).get("person", 0))
