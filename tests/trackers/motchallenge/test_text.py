"""MOTChallenge text is written as docs/formats.md says, and read strictly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from detector.errors import UsageError
from trackers.motchallenge.text import mot_lines, read_mot
from trackers.tracks import Tracks, TrackState

STATES = (TrackState.CONFIRMED, TrackState.TENTATIVE, TrackState.LOST, TrackState.CONFIRMED)


def four_tracks() -> Tracks:
    return Tracks(
        boxes_xyxy=np.array(
            [[10, 20, 40.5, 80], [0, 0, 9, 9], [0, 0, 9, 9], [-1, 2, 3, 4.25]], np.float32
        ),
        scores=np.array([0.9, 0.8, 0.7, 0.5], np.float32),
        class_ids=np.array([0, 1, 1, 2], np.int64),
        ids=np.array([1, -1, 2, 7], np.int64),
        states=np.array(STATES, np.int8),
    )


def test_confirmed_tracks_are_written_with_frames_from_1_and_top_left_and_size() -> None:
    assert mot_lines(4, four_tracks()) == (
        "5,1,10.00,20.00,30.50,60.00,0.9000,0,-1,-1\n5,7,-1.00,2.00,4.00,2.25,0.5000,2,-1,-1\n"
    )


def test_a_frame_without_confirmed_tracks_gives_no_line() -> None:
    assert mot_lines(0, four_tracks()[np.array([1, 2])]) == ""


def test_written_text_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "results.txt"
    path.write_text(mot_lines(7, four_tracks()) + mot_lines(3, four_tracks()))
    rows = read_mot(path, with_classes=True)
    assert rows.frames.tolist() == [4, 4, 8, 8]
    assert rows.ids.tolist() == [1, 7, 1, 7]
    assert rows.class_ids.tolist() == [0, 2, 0, 2]
    assert rows.at(8).boxes_xyxy.tolist() == [[10, 20, 40.5, 80], [-1, 2, 3, 4.25]]
    assert len(rows.at(5)) == 0


def test_detections_of_an_unsorted_file_are_sorted_by_frame_and_have_class_0(
    tmp_path: Path,
) -> None:
    path = tmp_path / "det.txt"
    path.write_text("2,-1,5,5,10,10,.5,-7.2,3,0\n1,-1,1,2,3,4,.9,-3.7,3,0\n\n")
    rows = read_mot(path, with_classes=False)
    assert rows.frames.tolist() == [1, 2]
    detections = rows.at(1).detections()
    assert detections.boxes_xyxy.tolist() == [[1, 2, 4, 6]]
    assert detections.scores.tolist() == [np.float32(0.9)]
    assert detections.class_ids.tolist() == [0]


def test_an_empty_file_has_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "empty.txt"
    path.write_text("")
    assert len(read_mot(path, with_classes=True)) == 0


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("0,1,5,5,10,10,1,0", "0 given in column 1, the frame: give a whole number from 1"),
        ("1.5,1,5,5,10,10,1,0", "column 1"),
        ("2,-2,5,5,10,10,1,0", "column 2"),
        ("2,1,5,5,-1,10,1,0", "-1, 10 given in columns 5 and 6"),
        ("2,1,5,5,10,10,1,-1", "column 8"),
        (
            "1,3,9,9,10,10,1,0",
            "1, 3 given in columns 1 and 2, frame and id: give each id once in a frame",
        ),
        ("2,1,5,5,10,10", "'2,1,5,5,10,10' given: a line begins with 8 numbers"),
        ("2", "8 numbers"),
        ("1e300,1,5,5,10,10,1,0", "column 1"),
        ("frame,id,x,y,w,h,score,class", "8 numbers"),
        ("2,1,5,5,nan,10,1,0", "finite"),
    ],
)
def test_an_error_names_file_and_line(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "wrong.txt"
    path.write_text(f"1,3,5,5,10,10,1,0\n{line}\n")
    with pytest.raises(UsageError, match=rf"wrong\.txt:2: .*{said}"):
        read_mot(path, with_classes=True)


def test_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere\.txt: cannot be read"):
        read_mot(tmp_path / "nowhere.txt", with_classes=False)


def test_every_row_of_the_real_files_is_read(data: Path) -> None:
    files = [*data.glob("mot15/*/*/*.txt"), *data.glob("pets09/*.txt"), *data.glob("street/gt/*")]
    assert len(files) == 22 + 4 + 3
    for path in files:
        rows = read_mot(path, with_classes="street" in path.parts)
        assert len(rows) == len(path.read_text().splitlines())
        assert (np.diff(rows.frames) >= 0).all()
