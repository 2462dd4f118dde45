"""Pictures of every view of the page, from a real run of configs/runs/serve.yaml.

`make serve` draws its clips; then `python -m tests.support.page_pictures` writes docs/web/: all of
it, or the views that are named.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from playwright.sync_api import Page, expect

from pipeline.config import load_config
from tests.support.browser import DESKTOP, PHONE, chromium, page_of
from tests.support.cameras import until
from tests.support.paths import ROOT
from tests.support.web import Visitor, visited

FOLDER = ROOT / "docs/web"
QUALITY = 60
SETTLED = 5000  # ms until charts have some values and boxes are on all cameras
EVENTS = 12


def _choose(page: Page) -> None:
    page.get_by_role("button", name="pavement").first.click()


def _open_dialog(page: Page) -> None:
    page.get_by_role("button", name="Add a camera").click()
    page.get_by_label("Name").fill("front-door")
    page.get_by_label("Address").fill("rtsp://192.168.1.20/stream1")


def _open_event(page: Page) -> None:
    page.locator("main select").first.select_option("avenue")
    page.locator(".events small", has_text="clip").first.click()
    page.locator("dialog video").wait_for()


def _choose_recorded(page: Page) -> None:
    page.locator("main select").first.select_option("avenue")
    page.get_by_role("button", name="10 min").click()


def _nothing(page: Page) -> None:
    del page


VIEWS: dict[str, tuple[str, Callable[[Page], None]]] = {  # name: its path, and what is done there
    "cameras": ("/cameras", _nothing),
    "add": ("/cameras", _open_dialog),
    "camera": ("/cameras/street", _nothing),
    "zones": ("/cameras/street/zones", _choose),
    "events": ("/events", _nothing),
    "event": ("/events", _open_event),
    "recordings": ("/recordings", _choose_recorded),
    "system": ("/system", _nothing),
}


def _clips_ready(visitor: Visitor) -> bool:
    events = visitor.ask("GET", "/api/v1/events?camera=avenue").content["events"]
    ready = [event for event in events if event["clip_state"] == "ready"]
    return len(ready) >= EVENTS


def _take(visitor: Visitor, folder: Path) -> None:
    with chromium() as browser:
        for name in sys.argv[1:] or VIEWS:
            path, act = VIEWS[name]
            for size, dark in ((s, d) for s in (DESKTOP, PHONE) for d in (False, True)):
                with page_of(browser, visitor.port, path, size=size, dark=dark) as page:
                    expect(page.get_by_text("Loading")).to_have_count(0)
                    act(page)
                    expect(page.get_by_text("Waiting for a picture")).to_have_count(0)
                    page.wait_for_timeout(SETTLED)
                    keep(page, folder / f"{name}-{size[0]}-{'dark' if dark else 'light'}.webp")


def keep(page: Page, target: Path) -> None:
    """Write what a page shows to a WebP file."""
    image = cv2.imdecode(np.frombuffer(page.screenshot(), np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    cv2.imwrite(str(target), image, [cv2.IMWRITE_WEBP_QUALITY, QUALITY])


def _main() -> None:
    config = load_config(ROOT / "configs/runs/serve.yaml", [])
    assert config.serve
    serve = config.serve.model_copy(update={"address": "127.0.0.1:0"})
    sources = tuple(
        each.model_copy(update={"url": str(ROOT / each.url)}) if "/" in each.url else each
        for each in config.sources
    )
    FOLDER.mkdir(exist_ok=True)
    with TemporaryDirectory() as scratch:
        os.chdir(scratch)  # the run writes there
        with visited(config.model_copy(update={"serve": serve, "sources": sources})) as visitor:
            until(lambda: _clips_ready(visitor), "enough clips")
            _take(visitor, FOLDER)


if __name__ == "__main__":
    _main()
