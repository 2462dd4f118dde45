"""A recording plays in a browser as it is: every frame of the camera, none decoded by us."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.browser import chromium
from tests.support.cameras import CAP, FPS, Server, numbered, require_gstreamer, write_units
from tests.support.runs import minimal_config, more_of, running_well

PLAY = """
async path => {
    const video = document.createElement("video");
    video.muted = true;
    document.body.append(video);
    const ended = new Promise((done, fail) => {
        video.onended = done;
        video.onerror = () => fail(new Error(video.error.message));
    });
    video.src = path;
    video.playbackRate = 4;
    await video.play();
    await ended;
    return {width: video.videoWidth, height: video.videoHeight, at: video.currentTime};
}
"""


def test_chromium_plays_what_was_recorded_by_copying(tmp_path: Path) -> None:
    require_gstreamer()
    clip = write_units(tmp_path / "clip", numbered())
    with Server({"cam": {"clip": clip}}) as server:
        source = {"url": server.url("cam"), "name": "cam"}
        recording = {"url": str(tmp_path / "rec/%Y%m%d-%H%M%S.mp4")}
        with running_well(minimal_config(tmp_path, source, recording=recording)) as run:
            more_of(run, "cam", frames=60)
            (stream,) = run.streams
        assert stream.recording
        written = stream.recording.recorder.written
    (path,) = (tmp_path / "rec").glob("*.mp4")
    page_file = tmp_path / "page.html"
    page_file.write_text("<!doctype html><body></body>", encoding="utf-8")
    with chromium() as browser:
        page = browser.new_page()
        page.set_default_timeout(CAP * 1000)
        page.goto(page_file.as_uri())
        shown: dict[str, Any] = page.evaluate(PLAY, path.as_uri())
    assert (shown["width"], shown["height"]) == (512, 64)
    assert shown["at"] >= (written - 2) / FPS
