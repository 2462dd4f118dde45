"""The built-in street: frames drawn from a seed, with their ground truth.

`python -m pipeline.sources.synthetic --output DIR --name NAME` writes it as a labelled clip.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import cached_property
from itertools import count
from pathlib import Path
from time import monotonic
from typing import ClassVar

import click

from detector.detections import UInt8Array
from detector.errors import FramelaneError, UsageError
from pipeline.frames.picture import Picture
from pipeline.frames.stream import Stream
from pipeline.sources import Decoded
from pipeline.sources.recorded import RecordedSource
from pipeline.sources.street.frame_counter import CELL, COUNTER_WIDTH, draw_counter
from pipeline.sources.street.labelled_clip import write_clip
from pipeline.sources.street.sensor import Sensor
from pipeline.sources.street.world import Street, Truth, build_street

_MIN_HEIGHT = 128  # pixels; in smaller frames nothing could be recognised


class Synthetic(RecordedSource):
    """A street seen from above: cars, cyclists, pedestrians; the same seed gives the same bytes.

    url: `synthetic` or `synthetic:SEED`; the seed sets scene, camera, light and traffic
    width, height: pixels, even; with the counter, at least 512 wide
    frame_rate: frames per second; frames: how many, None for no end
    counter: draw the frame number into each frame (see frame_counter.py); not for training
    Raises UsageError if the seed or an option is out of range.
    """

    accepted: ClassVar[str] = "synthetic[:SEED]"

    def __init__(
        self,
        url: str = "synthetic",
        name: str = "synthetic",
        *,
        width: int = 768,
        height: int = 432,
        frame_rate: Fraction = Fraction(25),
        frames: int | None = None,
        counter: bool = True,
    ) -> None:
        super().__init__()
        self._seed = _seed(url)
        min_width = COUNTER_WIDTH if counter else _MIN_HEIGHT
        if width % 2 or height % 2 or width < min_width or height < _MIN_HEIGHT:
            raise UsageError(
                f"{url}: {width}x{height} given: both must be even, at least "
                f"{min_width}x{_MIN_HEIGHT}"
                + (" (the frame counter needs that width)" if counter else "")
            )
        if frame_rate <= 0:
            raise UsageError(f"{url}: frame_rate: {frame_rate} given: it must be above 0")
        self._url = url
        self._name = name
        self._width, self._height = width, height
        self.interval = 1 / Fraction(frame_rate)
        self._frames = frames
        self._counter = counter
        self.reserved_corner = (COUNTER_WIDTH, CELL) if counter else (0, 0)

    @staticmethod
    def accepts(url: str) -> bool:
        """Return whether `url` is `synthetic`, with a seed or without."""
        return url.partition(":")[0] == "synthetic"

    def open(self) -> Stream:
        """Return the properties that all frames share."""
        return Stream(self._name, self._url, self.interval, cut=self._cut)

    def __iter__(self) -> Iterator[Decoded]:
        """Yield frame after frame, each drawn when it is asked for."""
        for index in count() if self._frames is None else range(self._frames):
            if self._cut.is_set():
                return
            picture = Picture.of(self.draw(index))
            yield Decoded(index, self.interval, monotonic(), picture)
        self._ended = True

    def draw(self, index: int) -> UInt8Array:
        """Return frame `index`, (h, w, 3) uint8 BGR, the caller's own; in any order."""
        seconds = float(index * self.interval)
        frame = self._sensor.expose(self._street.draw(seconds), index, seconds)
        if self._counter:
            draw_counter(frame, index)
        return frame

    def truth(self, index: int) -> list[Truth]:
        """Return the objects that are visible in frame `index`, nearest first."""
        return self._street.truth(float(index * self.interval), self.reserved_corner)

    @cached_property
    def _street(self) -> Street:
        return build_street(self._seed, self._width, self._height)

    @cached_property
    def _sensor(self) -> Sensor:
        return Sensor(self._seed, self._width, self._height)


def _seed(url: str) -> int:
    """Return the seed in `synthetic:SEED`."""
    text = url.partition(":")[2] or "0"
    if not (text.isascii() and text.isdecimal()):
        raise UsageError(
            f"{url}: seed '{text}' given: it must be a whole number from 0, as in synthetic:7"
        )
    return int(text)


@click.command()
@click.option("--output", type=click.Path(path_type=Path), required=True, help="Data folder.")
@click.option("--name", required=True, help="Name of the clip: videos/NAME.mp4, gt/NAME.txt.")
@click.option("--frames", type=click.IntRange(1), default=250, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--size", type=(int, int), default=(768, 432), show_default=True, help="W H")
@click.option("--counter/--no-counter", default=True, help="Draw the frame number.")
def main(
    output: Path, name: str, frames: int, seed: int, size: tuple[int, int], counter: bool
) -> None:
    """Write the synthetic street as a video with ground truth."""
    width, height = size
    try:
        source = Synthetic(
            f"synthetic:{seed}", width=width, height=height, frames=frames, counter=counter
        )
        write_clip(source, output, name, frames)
    except FramelaneError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
