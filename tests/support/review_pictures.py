"""Pictures of the review page, with refined labels of a clip of `make serve`.

`make serve` draws the clip; then `python -m tests.support.review_pictures` writes docs/web/.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from click.testing import CliRunner
from playwright.sync_api import Page, expect

from pipeline.commands.framelane import main
from pipeline.review.app import review_app
from pipeline.review.pictures import Pictures
from pipeline.review.workspace import Workspace
from pipeline.web.server import Server
from tests.support.browser import DESKTOP, PHONE, chromium, page_of
from tests.support.page_pictures import FOLDER, keep
from tests.support.paths import ROOT

CLIP = ROOT / "build/serve/videos/avenue.mp4"
FRAMES = "160"
ADDRESS = "127.0.0.1:0"


def _look_for_a_doubtful_one(page: Page) -> None:
    """Go to a box with a low score, which is chosen then."""
    page.get_by_label("With a score below").fill("0.7")
    page.get_by_label("With a score below").press("Enter")
    expect(page.get_by_label("Chosen box")).to_contain_text("score")
    expect(page.locator(".picture")).to_have_attribute("data-loaded", "true")


def _main() -> None:
    with TemporaryDirectory() as scratch:
        labels, pictures = Path(scratch, "avenue.coco.json"), Path(scratch, "pictures")
        pictures.mkdir()
        words = ["run", str(CLIP), "--refine", "--max-frames", FRAMES, "--output", str(labels)]
        done = CliRunner().invoke(main, words)
        assert done.exit_code == 0, done.output
        workspace = Workspace(labels, Path(scratch, "corrected.cvat.xml"))
        with (
            Pictures(str(CLIP), workspace.clip.frames, pictures) as read,
            Server(review_app(workspace, read, ADDRESS), ADDRESS) as server,
            chromium() as browser,
        ):
            for size, dark in ((s, d) for s in (DESKTOP, PHONE) for d in (False, True)):
                with page_of(browser, server.port, size=size, dark=dark) as page:
                    _look_for_a_doubtful_one(page)
                    keep(page, FOLDER / f"review-{size[0]}-{'dark' if dark else 'light'}.webp")


if __name__ == "__main__":
    _main()
