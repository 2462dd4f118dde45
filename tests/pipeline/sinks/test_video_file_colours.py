"""Outputs have the colours of the source, and state what they mean as the source did."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from detector.yuv.colour_space import ColourSpace
from detector.yuv.planes import Planes
from pipeline.frames.result import Tracked
from pipeline.sinks.video_file import VideoFileSink
from pipeline.sources import Decoded, make_source
from pipeline.stages.annotate import Annotate
from tests.pipeline.sinks.test_video_file import as_players_show_it
from tests.pipeline.sources.test_conversion import write
from tests.support import footage

EMPTY = np.full((8, 8, 3), 120, np.uint8)


def copy(clip: Path, out: Path) -> None:
    """Read three frames and write them, with nothing drawn into them."""
    source = make_source(str(clip), "x", {})
    source.open()
    pictures = [item.picture for item in source if isinstance(item, Decoded)]
    source.close()
    items = [
        replace(item, frame=replace(item.frame, picture=picture), drawn=picture.planes)
        for item, picture in zip(footage.of_images([EMPTY] * 3), pictures, strict=True)
    ]
    footage.record(VideoFileSink(out, crf=1), items)


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
@pytest.mark.parametrize(
    ("height", "tags", "matrix", "primaries", "transfer"),
    [
        (720, (9, 9, 18), "smpte170m", "bt709", "bt709"),  # HLG, tone-mapped
        (64, (9, 9, 16), "smpte170m", "bt709", "bt709"),  # PQ
        (720, (2, 2, 2), "bt709", "bt709", "bt709"),  # untagged HD
        (64, (2, 2, 2), "smpte170m", None, None),
        (720, (9, 9, 14), "bt2020nc", "bt2020", "bt2020-10"),  # SDR
        (64, (6, 6, 6), "smpte170m", "smpte170m", "smpte170m"),
        (720, (1, 1, 13), "bt709", "bt709", "iec61966-2-1"),
    ],
)
def test_an_output_is_tagged_with_its_colours(
    tmp_path: Path,
    ending: str,
    height: int,
    tags: tuple[int, int, int],
    matrix: str,
    primaries: str | None,
    transfer: str | None,
) -> None:
    grey = np.full((height, 64, 3), 120, np.uint8)
    write(tmp_path / "in.mp4", grey, 5 if tags[0] == 2 else tags[0], tags)
    out = tmp_path / f"out.{ending}"
    copy(tmp_path / "in.mp4", out)
    entries = "stream=color_primaries,color_transfer,color_space,color_range"
    (shown,) = footage.probe(out, "-select_streams", "v", "-show_entries", entries)["streams"]
    assert (shown.get("color_primaries"), shown.get("color_transfer")) == (primaries, transfer)
    assert (shown["color_space"], shown["color_range"]) == (matrix, "tv")


@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize(
    ("tags", "height"),
    [((1, 1, 1), 64), ((6, 6, 6), 720), ((9, 9, 14), 64), ((2, 2, 2), 64), ((2, 2, 2), 720)],
)
def test_players_show_the_colours_of_the_source(
    tmp_path: Path, tags: tuple[int, int, int], height: int, full: bool
) -> None:
    colours = [(0, 0, 255), (0, 255, 0), (255, 0, 0), (30, 160, 230), (0, 0, 0), (255, 255, 255)]
    image = np.array([colours], np.uint8).repeat(16, axis=1).repeat(height, axis=0)
    untagged = 1 if height > 576 else 5  # what players take it for
    write(tmp_path / "in.mp4", image, untagged if tags[0] == 2 else tags[0], tags, full)
    copy(tmp_path / "in.mp4", tmp_path / "out.mp4")
    shown = as_players_show_it(tmp_path / "out.mp4", 3)[0, height // 2, 8::16].astype(int)
    assert np.abs(shown - colours).max() <= 4
    entries = ("-select_streams", "v", "-show_entries", "stream=color_range")
    (stream,) = footage.probe(tmp_path / "out.mp4", *entries)["streams"]
    assert stream["color_range"] == ("pc" if full else "tv")


def test_frames_whose_colours_begin_to_mean_something_else_are_converted(tmp_path: Path) -> None:
    image = np.full((64, 96, 3), (190, 60, 200), np.uint8)
    made = Planes.of_bgr(image)
    items = [
        replace(item, drawn=made.converted(space))
        for item, space in zip(
            footage.of_images([image] * 3),
            (ColourSpace(), ColourSpace(1), ColourSpace(9, full=True)),
            strict=True,
        )
    ]
    footage.record(VideoFileSink(tmp_path / "out.mp4", crf=1), items)
    shown = as_players_show_it(tmp_path / "out.mp4", 3)[:, 32, 48].astype(int)
    assert np.abs(shown - image[0, 0]).max() <= 4


def test_outside_what_is_drawn_players_show_the_source(data: Path, tmp_path: Path) -> None:
    clip = data / "street/videos/car-detection.mp4"
    frames = 10
    shown = as_players_show_it(clip, frames).astype(float)
    source = make_source(str(clip), "x", {})
    source.open()
    pictures = [item.picture for item in islice(source, frames) if isinstance(item, Decoded)]
    source.close()
    seen = footage.tracks(1, 2)  # near the top left corner
    stage = Annotate(footage.CLASSES)
    items = [
        drawn
        for item, picture in zip(footage.of_images([EMPTY] * frames), pictures, strict=True)
        for drawn in stage.process(Tracked(replace(item.frame, picture=picture), seen))
    ]
    footage.record(VideoFileSink(tmp_path / "out.mp4", crf=8), items)
    off = (as_players_show_it(tmp_path / "out.mp4", frames) - shown) ** 2
    assert off[:, :80, :160].max() > 50**2
    off[:, :80, :160] = 0
    assert 10 * np.log10(255**2 / off.mean()) > 40  # dB
