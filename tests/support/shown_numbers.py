"""Which numbered frames a browser shows, and of which frame the tracks over them are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from playwright.sync_api import Page

from pipeline.frames.result import Tracked
from pipeline.graph import StreamStages
from pipeline.packets.packet import HERTZ
from pipeline.sources.street.frame_counter import CELL, read_counter
from pipeline.web.api.cameras import frame_tap_of
from pipeline.web.live.frames import ticks_of

_SAMPLE = """
async (wanted) => {
  const video = document.querySelector("video");
  const overlay = document.querySelector("canvas.overlay");
  const context = new OffscreenCanvas(512, 16).getContext("2d", { willReadFrequently: true });
  const cells = () => {
    context.drawImage(video, 0, 0, 512, 16, 0, 0, 512, 16);
    const middle = (cell) => context.getImageData(cell * 16 + 8, 8, 1, 1).data[1];
    return Array.from({ length: 32 }, (_, cell) => middle(cell));
  };
  const samples = [];
  await new Promise((done) => {
    const look = (_, { expectedDisplayTime }) => {
      const shown_at = (performance.timeOrigin + expectedDisplayTime) / 1000;
      const sample = { cells: cells(), seconds: video.currentTime, shown_at };
      requestAnimationFrame(() => {  // after the page's own callback
        samples.push({ ...sample, tracks: overlay.dataset.tracks });
        if (samples.length < wanted) video.requestVideoFrameCallback(look);
        else done();
      });
    };
    video.requestVideoFrameCallback(look);
  });
  return samples;
}
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """A frame that was shown.

    number: that is burnt into it, read from the video element; None if it is not legible
    seconds: of the video
    shown_at: when it is on the screen, in seconds since 1970
    tracks: ticks of the frame whose tracks are drawn over it; None if there are none
    """

    number: int | None
    seconds: float
    shown_at: float
    tracks: int | None


def shown_numbers(page: Page, count: int) -> list[Sample]:
    """Look at the next `count` frames of the only video on a page."""
    found: list[dict[str, Any]] = page.evaluate(_SAMPLE, count)
    return [
        Sample(
            _number(each["cells"]),
            each["seconds"],
            each["shown_at"],
            int(each["tracks"]) if each["tracks"] else None,
        )
        for each in found
    ]


class Numbers:
    """The numbers that are burnt into the frames of a stream, as our decoder sees them."""

    def __init__(self, stream: StreamStages) -> None:
        self._by_ticks: dict[int, int | None] = {}
        frame_tap_of(stream).listen(self._note)

    def by_place(self, fps: int) -> dict[int, int]:
        """Return the numbers so far, by how many intervals their frames come after time 0."""
        found = dict(self._by_ticks)
        return {ticks * fps // HERTZ: number for ticks, number in found.items() if number}

    def _note(self, item: Tracked) -> None:
        self._by_ticks[ticks_of(item)] = read_counter(item.frame.picture.bgr)


def _number(cells: list[int]) -> int | None:
    """Return the number that 32 cells of a brightness from 0 to 255 show."""
    row = np.repeat(np.array(cells, np.uint8), CELL)
    return read_counter(np.broadcast_to(row[None, :, None], (CELL, row.size, 3)))
