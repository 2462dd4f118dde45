"""The built-in street as a source, and as a labelled clip: the same bytes for the same seed."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from functools import cache
from itertools import islice, pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from click.testing import CliRunner

from detector.errors import UsageError
from pipeline.sources.street.frame_counter import read_counter
from pipeline.sources.synthetic import Synthetic, main

SCENES = range(4)  # the first four seeds give four different scenes


@cache
def _street(seed: int) -> Synthetic:
    """Return the street of a seed, small, because drawing the ground is slow."""
    return Synthetic(f"synthetic:{seed}", width=512, height=288)


@pytest.mark.parametrize("seed", SCENES)
def test_the_same_seed_gives_the_same_bytes_in_any_order(seed: int) -> None:
    one, other = (Synthetic(f"synthetic:{seed}", width=512, height=288) for _ in range(2))
    in_order = [one.draw(index) for index in (0, 40, 80)]
    backwards = [other.draw(index) for index in (80, 40, 0)][::-1]
    assert all(np.array_equal(a, b) for a, b in zip(in_order, backwards, strict=True))
    assert not np.array_equal(in_order[0], in_order[1])


def test_another_seed_gives_another_picture_of_the_same_street() -> None:
    first, second = (_street(seed).draw(0)[16:] for seed in (0, 4))
    assert float(np.mean(first == second)) < 0.2


def test_frames_come_numbered_in_time_and_end() -> None:
    source = Synthetic(
        "synthetic:1", "yard", width=512, height=288, frame_rate=Fraction(30000, 1001), frames=4
    )
    stream = source.open()
    decoded = list(source)
    source.close()
    assert (stream.name, stream.url, stream.live) == ("yard", "synthetic:1", False)
    assert stream.nominal_interval == Fraction(1001, 30000)
    assert [(d.pts, d.time_base) for d in decoded] == [(k, Fraction(1001, 30000)) for k in range(4)]
    assert [read_counter(d.picture.bgr) for d in decoded] == [0, 1, 2, 3]
    assert all(a.captured_at < b.captured_at for a, b in pairwise(decoded))
    assert source.faults == [] and not stream.cut.is_set()


def test_a_stopped_source_ends_and_cuts_the_stream() -> None:
    source = Synthetic("synthetic:1", width=512, height=288)  # endless
    stream = source.open()
    frames = iter(source)
    assert len(list(islice(frames, 2))) == 2
    source.stop()
    assert list(frames) == []
    assert stream.cut.is_set()


def test_stopping_after_the_end_cuts_nothing() -> None:
    source = Synthetic("synthetic:1", width=512, height=288, frames=1)
    stream = source.open()
    assert len(list(source)) == 1
    source.stop()
    assert not stream.cut.is_set()


@pytest.mark.parametrize(
    ("url", "options", "complaint"),
    [
        ("synthetic", {"width": 510}, "at least 512x128 .the frame counter"),
        ("synthetic", {"width": 769}, "both must be even"),
        ("synthetic", {"height": 64}, "64 given"),
        ("synthetic", {"width": 126, "counter": False}, "at least 128x128"),
        ("synthetic", {"frame_rate": Fraction(0)}, "above 0"),
        ("synthetic:monday", {}, "'monday' given: it must be a whole number"),
        ("synthetic:-1", {}, "'-1' given"),
    ],
)
def test_options_out_of_range_are_refused(
    url: str, options: dict[str, int], complaint: str
) -> None:
    with pytest.raises(UsageError, match=complaint):
        Synthetic(url, "street", **options)  # type: ignore[arg-type]


def test_a_written_clip_has_exact_times_numbers_and_labels(tmp_path: Path) -> None:
    arguments = ["--output", str(tmp_path), "--name", "a", "--frames", "8", "--seed", "1"]
    arguments += ["--size", "512", "288"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    clip = str(tmp_path / "videos/a.mp4")
    times = subprocess.run(
        ["ffprobe", "-v", "error", "-of", "csv=p=0", "-show_entries", "frame=pts_time", clip],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    assert [Fraction(time.strip(",")) for time in times] == [Fraction(k, 25) for k in range(8)]
    with av.open(clip) as container:
        images = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    assert [read_counter(image) for image in images] == list(range(8))
    assert (tmp_path / "classes.txt").read_text() == "person\nbicycle\ncar\n"
    source = _street(1)
    assert np.abs(images[5].astype(int) - source.draw(5)).mean() < 4
    rows = [line.split(",") for line in (tmp_path / "gt/a.txt").read_text().splitlines()]
    of_frame_6 = {int(row[1]): row for row in rows if row[0] == "6"}
    assert of_frame_6.keys() == {truth.id for truth in source.truth(5)}
    for truth in source.truth(5):
        row = of_frame_6[truth.id]
        assert tuple(map(int, row[2:6])) == truth.box_xywh
        assert (row[6], int(row[7])) == ("1", truth.class_id)
        assert float(row[8]) == pytest.approx(truth.visibility, abs=0.006)


def test_the_writer_refuses_the_same_options_as_the_source(tmp_path: Path) -> None:
    arguments = ["--output", str(tmp_path), "--name", "a", "--size", "300", "200"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code != 0 and "at least 512x128" in result.output
