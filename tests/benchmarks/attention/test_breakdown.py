"""What attention costs by class and by size, of boxes that can be counted by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.attention.breakdown import ALL, costs
from benchmarks.attention.material import Clip
from trackers.motchallenge.text import MotRows, read_mot

FRAMES = range(1, 11)
SMALL_PERSON, LARGE_CAR = "100,100,20,40", "300,100,200,120"


@pytest.fixture
def clip(tmp_path: Path) -> Clip:
    """Return a clip with a small person and a large car in each of its ten frames."""
    lines = [
        f"{frame},{number},{box},1,{class_id},1\n"
        for frame in FRAMES
        for number, class_id, box in ((1, 0, SMALL_PERSON), (2, 2, LARGE_CAR))
    ]
    truth = tmp_path / "clip.txt"
    truth.write_text("".join(lines))
    return Clip(tmp_path / "clip.mp4", truth, busy=True)


def without(clip: Clip, number: int, frames: range) -> MotRows:
    """Return the truth as tracks, without one object in these frames."""
    rows = read_mot(clip.truth, with_classes=True)
    return rows[(rows.ids != number) | ~np.isin(rows.frames, frames)]


def test_what_is_found_late_is_counted_for_its_class_and_its_size(clip: Clip) -> None:
    everything = without(clip, 0, FRAMES)
    cost = costs(clip, everything, without(clip, 1, range(1, 4)), fps=10.0)
    assert cost["person"].on.clear.misses == cost["small"].on.clear.misses == 3
    assert cost["car"].on.clear.misses == cost["large"].on.clear.misses == 0
    assert cost[ALL].on.clear.mota == pytest.approx(17 / 20)
    assert cost["small"].late == cost["person"].late == pytest.approx((0.3,))
    assert cost["large"].late == (0.0,)
    assert cost["medium"].off.clear.objects == cost["bicycle"].off.clear.objects == 0


def test_what_is_not_found_any_more_is_counted(clip: Clip) -> None:
    cost = costs(clip, without(clip, 0, FRAMES), without(clip, 2, FRAMES), fps=10.0)
    assert [name for name, each in cost.items() if each.never] == [ALL, "car", "large"]


def test_a_false_box_has_its_own_size(clip: Clip) -> None:
    truth = without(clip, 0, FRAMES)
    moved = without(clip, 1, FRAMES)
    moved.boxes_xyxy[:] += 400.0  # away from the car, and as large
    cost = costs(clip, truth, moved, fps=10.0)
    assert (cost["large"].on.clear.false_positives, cost["large"].on.clear.misses) == (10, 10)
    assert (cost["small"].on.clear.false_positives, cost["small"].on.clear.misses) == (0, 10)


def test_costs_of_clips_add_up(clip: Clip) -> None:
    one = costs(clip, without(clip, 0, FRAMES), without(clip, 1, range(1, 4)), fps=10.0)[ALL]
    both = one + one
    assert both.on.clear.misses == 6 and both.never == 0
    assert both.late == one.late * 2 and both.late_p95 == pytest.approx(0.3)
