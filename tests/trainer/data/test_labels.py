"""Label files: what a line means, and which line a mistake is in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from detector.errors import UsageError
from trainer.data.data_errors import Findings
from trainer.data.labels import Labels, class_map, read_ignore, read_mot, read_yolo, remapped

SIZE = (432, 768)  # height, width


def written(folder: Path, text: str) -> Path:
    path = folder / "labels.txt"
    path.write_text(text)
    return path


def test_a_yolo_line_is_a_centre_and_a_size_as_fractions_of_the_image(tmp_path: Path) -> None:
    path = written(tmp_path, "1 0.5 0.25 0.5 0.25\n\n0 0.1 0.5 0.2 1\n")
    labels = read_yolo(path, 2, findings := Findings())
    assert labels.class_ids.tolist() == [1, 0] and findings.lines == []
    expected = [[0.25, 0.125, 0.75, 0.375], [0, 0, 0.2, 1]]
    np.testing.assert_allclose(labels.boxes_xyxy, expected, atol=1e-7)


def test_a_yolo_box_that_sticks_out_is_noted_and_cut_to_the_image(tmp_path: Path) -> None:
    labels = read_yolo(written(tmp_path, "0 1.5 0.5 1.5 0.5\n"), 1, findings := Findings())
    np.testing.assert_allclose(labels.boxes_xyxy, [[0.75, 0.25, 1, 0.75]])
    assert len(findings.lines) == 1 and "labels.txt:1: the box 1.5 0.5" in findings.lines[0]


def test_no_file_of_regions_is_nothing_to_ignore(tmp_path: Path) -> None:
    assert read_ignore(tmp_path / "absent.txt", SIZE, Findings()) == []


def test_a_file_that_is_not_text_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "labels.txt"
    path.write_bytes(b"\xff\xfe0 1")
    with pytest.raises(UsageError, match=r"labels\.txt: the labels cannot be read"):
        read_yolo(path, 1, Findings())


def test_a_mot_line_is_a_frame_and_a_corner_with_a_size_in_pixels(tmp_path: Path) -> None:
    lines = "3,7,10,20,30,40,1,2,0.5\n1,9,-5,-5,10,10,1,0,1\n3,8,760,400,100,100,1,0,1\n"
    frames = read_mot(written(tmp_path, lines), 3, SIZE, findings := Findings())
    assert findings.lines == [] and frames.keys() == {1, 3}
    assert frames[3].class_ids.tolist() == [2, 0]
    assert frames[3].boxes_xyxy.tolist() == [[10, 20, 40, 60], [760, 400, 768, 432]]
    assert frames[1].boxes_xyxy.tolist() == [[0, 0, 5, 5]]


def test_a_wrong_mot_line_is_noted_with_its_number_and_the_rest_is_read(tmp_path: Path) -> None:
    lines = "1,1,2,3,4,5,1,0,1\n1,1,2,3\n2.5,1,2,3,4,5,1,0,1\n2,1,9,9,4,5,1,0,1\n"
    frames = read_mot(written(tmp_path, lines), 1, SIZE, findings := Findings())
    assert frames.keys() == {1, 2}
    (short, half) = findings.lines
    assert "labels.txt:2: 9 numbers are expected, 4 given" in short
    assert "labels.txt:3: the frame 2.5 is not a whole number" in half


def test_a_region_to_ignore_has_a_first_and_a_last_frame(tmp_path: Path) -> None:
    path = written(tmp_path, "5,9,700,10,100,20\n")
    assert read_ignore(path, SIZE, Findings()) == [(5, 9, (700, 10, 768, 30))]


def test_classes_are_found_by_name_and_others_are_noted_and_left_out() -> None:
    ids = class_map(["cat", "dog", "cow"], ["cow", "cat"], Path("set"), findings := Findings())
    assert ids.tolist() == [1, -1, 0]
    assert len(findings.lines) == 1 and "set: has the class 'dog'" in findings.lines[0]
    box = [0.0, 0.0, 1.0, 1.0]
    kept = remapped(Labels.of([(0, box), (1, box), (2, box)]), ids)
    assert kept.class_ids.tolist() == [1, 0] and len(kept.boxes_xyxy) == 2
