"""Outputs have the colours of the source, and state what they mean as the source did."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.sinks.video_file import VideoFileSink
from pipeline.sources import Decoded, make_source
from tests.pipeline.sources.test_conversion import write
from tests.support import footage


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
    source = make_source(str(tmp_path / "in.mp4"), "x", {})
    source.open()
    pictures = [item.picture for item in source if isinstance(item, Decoded)]
    source.close()
    items = [
        replace(item, frame=replace(item.frame, picture=picture), drawn=picture.planes)
        for item, picture in zip(footage.of_images([grey] * 3), pictures, strict=True)
    ]
    out = tmp_path / f"out.{ending}"
    footage.record(VideoFileSink(out), items)
    entries = "stream=color_primaries,color_transfer,color_space,color_range"
    (shown,) = footage.probe(out, "-select_streams", "v", "-show_entries", entries)["streams"]
    assert (shown.get("color_primaries"), shown.get("color_transfer")) == (primaries, transfer)
    assert (shown["color_space"], shown["color_range"]) == (matrix, "tv")
