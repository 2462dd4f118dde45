"""Results in unlabelled regions are ignored unless they match an object."""

from __future__ import annotations

from pathlib import Path

import pytest

from detector.errors import UsageError
from tests.support.mot_rows import overall, rows
from trackers.evaluation.ignore_regions import read_ignore, without_ignored
from trackers.motchallenge.text import read_mot


def test_unmatched_results_in_an_ignored_region_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "ignore.txt"
    path.write_text("2,3,0,0,210,100\n")
    truth = rows((2, 1, 0, 0, 0), (3, 1, 0, 0, 0))
    results = rows(
        (1, 5, 50, 0, 0),  # before the frames of the region
        (2, 1, 2, 0, 0),  # the labelled object itself
        (2, 5, 50, 0, 0),  # in the region: dropped
        (2, 6, 4, 0, 0),  # on the object, which matches another box: dropped
        (2, 7, 201, 0, 0),  # less than half in the region
        (3, 8, 2, 0, 1),  # on the object, of another class: dropped
        (3, 9, 200, 0, 0),  # half in the region: dropped
        (4, 5, 50, 0, 0),  # after the frames of the region
    )
    kept = without_ignored(truth, results, read_ignore(path))
    assert list(zip(kept.frames.tolist(), kept.ids.tolist(), strict=True)) == [
        (1, 5),
        (2, 1),
        (2, 7),
        (4, 5),
    ]


def test_an_error_names_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "ignore.txt"
    path.write_text("1,5,0,0,10,10\n5,1,0,0,10,10\n")
    with pytest.raises(UsageError, match=r"ignore\.txt:2: .*first_frame <= last_frame"):
        read_ignore(path)


def test_ground_truth_scored_against_itself_is_perfect_with_its_ignored_regions(data: Path) -> None:
    for path in sorted((data / "street" / "gt").iterdir()):
        truth = read_mot(path, with_classes=True)
        kept = without_ignored(truth, truth, read_ignore(data / "street" / "ignore" / path.name))
        scores = overall(truth, kept)
        assert (scores["mota"], scores["idf1"], scores["objects"]) == (1, 1, len(truth))
        assert scores["hota"] == pytest.approx(1)
