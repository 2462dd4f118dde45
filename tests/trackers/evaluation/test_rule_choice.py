"""Rules come from a sequence's name; what they would leave out is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from detector.errors import UsageError
from tests.support.mot_rows import rows
from trackers.evaluation.report import evaluate_files, rules_used
from trackers.evaluation.rule_choice import choose_rules, warnings_of

NINE = "1,1,10,10,40,60,1,2,1.0\n"
WORLD = "1,9,499,158,31.03,75.17,1,-4.1554,-7.3591,0\n"
WHOLE_WORLD = "1,9,499,158,31.03,75.17,1,4,7,0\n"
OURS = "1,9,499,158,31.03,75.17,0.9,4,-1,-1\n"


@pytest.mark.parametrize(
    ("name", "text", "rules"),
    [
        ("MOT15-01", NINE, "mot15"),
        ("MOT16-02", NINE, "mot17"),
        ("MOT17-02-FRCNN", NINE, "mot17"),
        ("MOT17-02", WORLD, "mot17"),
        ("MOT20-01", NINE, "mot20"),
        ("ADL-Rundle-6", WHOLE_WORLD, "mot15"),
        ("task_1", NINE, "classes"),
        ("task_1", "\n\n" + NINE, "classes"),
        ("task_1", "\ufeff" + NINE, "classes"),
        ("task_1", OURS, "classes"),
        ("task_1", WORLD, "mot15"),
        ("task_1", "1,1,10,10,40,60,1\n", "mot15"),
        ("task_1", "1,1,10,10,40,60,1,-1,-1,-1\n", "mot15"),
        ("task_1", "1,1,10,10,40,60,1,-1.0,-1,-1\n", "mot15"),
        ("task_1", "", "mot15"),
    ],
)
def test_rules_come_from_the_name_of_the_sequence_else_from_what_column_8_holds(
    tmp_path: Path, name: str, text: str, rules: str
) -> None:
    (tmp_path / "gt.txt").write_text(text, encoding="utf-8")
    assert choose_rules(name, tmp_path / "gt.txt") == rules


def test_a_column_that_may_be_a_class_or_a_coordinate_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "gt.txt").write_text(WHOLE_WORLD)
    with pytest.raises(UsageError, match=r"may be a class or a world coordinate.*--rules classes"):
        choose_rules("yard", tmp_path / "gt.txt")


def test_classes_that_the_rules_leave_out_are_counted() -> None:
    truth = rows((1, 1, 0, 0, 1), (1, 2, 100, 0, 2), (2, 2, 100, 0, 2), (2, 3, 200, 0, 3))
    (line,) = warnings_of("MOT17-99", truth, "mot17")
    assert "leave out 3 of 4 labelled boxes (class 2: 2, class 3: 1)" in line
    assert list(warnings_of("a", truth, "classes")) == []
    excluded = replace(truth, scores=np.zeros(len(truth)))
    (line,) = warnings_of("a", excluded, "classes")
    assert "no labelled box counts: column 7 is 0 in all 4 lines" in line


def two_classes(folder: Path, results: str) -> tuple[Path, Path]:
    """Write ground truth as CVAT exports it, with cars and persons, and results."""
    path = folder / "gt" / "task_1" / "gt" / "gt.txt"
    path.parent.mkdir(parents=True)
    path.write_text("".join(f"1,{c},{c}00,10,40,60,1,{c},1.0\n" for c in (1, 2)))
    (folder / "results").mkdir()
    (folder / "results" / "task_1.txt").write_text(results)
    return folder / "gt", folder / "results"


def test_all_classes_of_a_cvat_export_are_scored(tmp_path: Path) -> None:
    """Its nine columns are those of MOT17, whose rules would score class 1 only."""
    found = evaluate_files(*two_classes(tmp_path, "1,1,100,10,40,60,0.9,1,-1,-1\n"))
    assert found.overall.as_json()["objects"] == 2 and found.overall.as_json()["misses"] == 1
    assert found.as_json()["rules"] == {"task_1": "classes"}
    assert rules_used(found) == "rules: classes"


@pytest.mark.parametrize("row", ["1,1,100,10,40,60,0.9\n", "1,1,100,10,40,60,0.9,-1,-1,-1\n"])
def test_results_without_classes_are_refused_for_ground_truth_of_several(
    tmp_path: Path, row: str
) -> None:
    with pytest.raises(UsageError, match=r"no classes in column 8, but .* has 1, 2: give --rules"):
        evaluate_files(*two_classes(tmp_path, row))
    found = evaluate_files(tmp_path / "gt", tmp_path / "results", rules="mot15")
    assert found.overall.as_json()["misses"] == 1


@pytest.mark.parametrize(("column", "warned"), [(",-1,-1,-1", 0), (",0,-1,-1", 1), ("", 0)])
def test_a_single_class_needs_no_name(tmp_path: Path, column: str, warned: int) -> None:
    truth, results = tmp_path / "gt.txt", tmp_path / "results.txt"
    truth.write_text("1,1,100,10,40,60,1,1,1\n")
    results.write_text(f"1,1,100,10,40,60,0.9{column}\n")
    found = evaluate_files(truth, results)
    assert found.overall.as_json()["mota"] == 1 and len(found.warnings) == warned


def test_boxes_marked_with_0_are_counted_in_the_line_of_the_rules(tmp_path: Path) -> None:
    for name, mark in (("a", 0), ("MOT17-02", 1)):
        for folder in ("gt", "results"):
            (tmp_path / folder).mkdir(exist_ok=True)
            (tmp_path / folder / f"{name}.txt").write_text(f"1,1,9,9,40,60,{mark},1,1\n")
    used = rules_used(evaluate_files(tmp_path / "gt", tmp_path / "results"))
    assert used == (
        "rules: mot17 for MOT17-02; classes for a; "
        "labelled boxes that do not count (0 in column 7): 1"
    )
