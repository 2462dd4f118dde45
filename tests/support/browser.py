"""Debian's Chromium, which plays H.264, driven by Playwright."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from tests.support.cameras import CAP
from tests.support.environment import absent
from tests.support.vendored import TESTED_WITH

CHROMIUM = Path("/usr/bin/chromium")
DESKTOP, PHONE = (1280, 800), (390, 844)  # width and height in pixels
NO_MEDIA_SOURCE = "delete window.MediaSource; delete window.ManagedMediaSource;"
SERIOUS = {"serious", "critical"}


def require_chromium() -> None:
    """Skip visibly if there is no Chromium; fail if REQUIRE_CHROMIUM=1."""
    if not CHROMIUM.exists():
        absent("no Chromium: install the Debian package chromium", "REQUIRE_CHROMIUM")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Chromium; it plays videos without a click."""
    require_chromium()
    options = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        expect.set_options(timeout=CAP * 1000)
        yield browser
        browser.close()


class Complaints(list[str]):
    """What a page complained about: errors in scripts, and what its policy refused."""

    def note(self, message: ConsoleMessage) -> None:
        """Note a line of the console, unless it is about an answer that is no success."""
        connects = ("Failed to load resource", "WebSocket connection to")
        if message.type == "error" and not message.text.startswith(connects):
            self.append(message.text)


@contextmanager
def page_of(
    browser: Browser,
    port: int,
    path: str = "",
    *,
    size: tuple[int, int] = DESKTOP,
    dark: bool = False,
    script: str = "",
) -> Iterator[Page]:
    """Open the page; fail at the end if it complained.

    path: after `#`; script: runs before those of the page
    """
    width, height = size
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
        is_mobile=size == PHONE,
        has_touch=size == PHONE,
    )
    context.set_default_timeout(CAP * 1000)
    page = context.new_page()
    complaints = Complaints()
    page.on("console", complaints.note)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    if script:
        page.add_init_script(script)
    page.goto(f"http://127.0.0.1:{port}/#{path}")
    yield page
    context.close()
    assert complaints == []


def click_at(page: Page, x: float, y: float) -> None:
    """Click on the picture of the editor; x, y: fractions of its width and height."""
    box = page.locator("svg.shapes").bounding_box()
    assert box
    page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])


def accessibility_faults(page: Page, *rules: str) -> list[str]:
    """Return what axe-core finds serious about a page, one line for each element.

    rules: of axe-core, if not all of them are to be checked
    """
    source = (TESTED_WITH / "axe-core/axe.min.js").read_text(encoding="utf-8")
    page.evaluate(f"() => {{ {source} }}")  # not a script element, which the policy refuses
    options = {"resultTypes": ["violations"], **({"runOnly": rules} if rules else {})}
    found: dict[str, Any] = page.evaluate("(options) => axe.run(document, options)", options)
    return [
        f"{violation['id']}: {node['html'][:200]}"
        for violation in found["violations"]
        if violation["impact"] in SERIOUS
        for node in violation["nodes"]
    ]
